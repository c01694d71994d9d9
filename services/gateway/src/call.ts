import type { Caller } from "@heimdex/access";
import type { Metadata } from "nice-grpc-common";
import { isTraceparent } from "./violations.ts";

/** What a method knows of its caller, the same over gRPC and HTTP. */
export interface Call {
  /** Who makes it: its tenant bounds all that is read and changed. */
  readonly caller: Caller;
  /** Aborts when the caller leaves, its deadline passes, or the gateway closes. */
  readonly signal: AbortSignal;
  /** gRPC metadata, or what corresponds to it among HTTP headers. */
  readonly metadata: Metadata;
  /** Set over HTTP, where an answer may be of any size. */
  readonly http?: true;
}

/** The caller's trace context, when it sent a valid one; else "". A bad one is ignored, as W3C Trace Context asks. */
export function traceparentOf(call: Call): string {
  const value = call.metadata.get("traceparent");
  return typeof value === "string" && isTraceparent(value) ? value : "";
}
