import type { LayerKind } from "@heimdex/sidecar";
import type { z } from "zod";
import type { Port } from "./port.ts";

/** An artifact as a stage reads it. */
export interface InputArtifact<T = unknown> {
  readonly sha256: string;
  /** Bytes. */
  readonly size: number;
  readonly mediaType: string;
  /** Name of the file it came from, where that means something (`neighbours`). */
  readonly name?: string | undefined;
  /** Local file to read, where this worker sees the server's disk; else undefined. Never write to it. */
  readonly path: string | undefined;
  /** Signed URL with byte ranges, valid as long as the lease. Good for ffmpeg where `path` is undefined. */
  readonly url: string;
  /** `path`, else `url`: what to give to a program that opens both. Of a URL whose connection breaks, programs tend to say what they say of a broken file; where
   * that matters, and the file is not too large, give them `file()`. */
  readonly location: string;
  /** All bytes. Rejects with INPUT_CHANGED when they are not what the plan was made with. */
  read(signal?: AbortSignal): Promise<Uint8Array>;
  /** A local file with the bytes: `path`, or a download into the attempt's scratch folder. */
  file(signal?: AbortSignal): Promise<string>;
  /** The value of a JSON port, parsed and checked. Rejects for ports of bytes. */
  json(signal?: AbortSignal): Promise<T>;
}

/** Bytes a stage puts out: from memory, or from a file in the attempt's scratch folder. */
export type OutputBytes =
  | { readonly bytes: Uint8Array; readonly mediaType?: string }
  | { readonly file: string; readonly mediaType?: string };

type Inputs = Record<string, Port>;
type Outputs = Record<string, Port>;

export type InputsOf<I extends Inputs> = {
  readonly [K in keyof I]: I[K] extends Port<infer T, infer M, infer O>
    ? M extends true
      ? readonly InputArtifact<T>[]
      : O extends true
        ? InputArtifact<T> | undefined
        : InputArtifact<T>
    : never;
};

type OutputValue<P> =
  P extends Port<infer T, infer M, boolean>
    ? M extends true
      ? readonly OutputBytes[]
      : T extends undefined
        ? OutputBytes
        : T
    : never;
type OptionalKeys<O extends Outputs> = {
  [K in keyof O]: O[K] extends Port<infer _T, boolean, true> ? K : never;
}[keyof O];

/** What `run` returns: one entry for each output port; JSON ports take the value itself. */
export type OutputsOf<O extends Outputs> = { readonly [K in Exclude<keyof O, OptionalKeys<O>>]: OutputValue<O[K]> } & {
  readonly [K in OptionalKeys<O>]?: OutputValue<O[K]> | undefined;
};

/** What a stage is given for one attempt. */
export interface StageContext<I extends Inputs, C> {
  readonly inputs: InputsOf<I>;
  /** Effective configuration, defaults filled in. */
  readonly config: C;
  /** Aborts on cancellation, lost lease, time-out and shutdown. Pass it to everything that waits. */
  readonly signal: AbortSignal;
  /** Id of the asset, for `itemId`. */
  readonly asset: string;
  /** File name or last URL segment of the asset's source: for neighbouring files and messages, never to open. */
  readonly sourceName: string;
  /** Folder of this attempt, empty at the start and removed at its end. */
  readonly scratch: string;
  /** From 1. */
  readonly attempt: number;
  /** Says how far it is; without a call within the stall timeout the attempt is taken away.
   * @param unit of `done` and `total`, such as `ms` or `keyframes` */
  progress(done: number, total: number, unit: string, message?: string): void;
  /** Says that the result is usable but not whole (a file cut off): the job ends PARTIAL with this reason. */
  partial(reason: string): void;
  /** A structured log line that carries the trace. */
  log(level: "debug" | "info" | "warn" | "error", message: string, fields?: Record<string, unknown>): void;
  /** Runs `work` within a span of the job's trace. */
  span<R>(name: string, attributes: Record<string, string | number | boolean>, work: () => Promise<R>): Promise<R>;
  /** Adds CPU time used outside this process (child processes), in ms, to what the run reports. */
  cpu(ms: number): void;
}

/** A model a stage runs with. Its digest is part of the step key. */
export interface StageModel {
  readonly id: string;
  /** SHA-256 of the model's manifest entry: changes with any of its files. */
  readonly sha256: string;
  /** SPDX expression. */
  readonly licence?: string;
}

/** Whether this worker can run the stage, found out before it registers. */
export type Capability =
  | { readonly available: true; readonly models?: readonly StageModel[] }
  | { readonly available: false; readonly reason: string; readonly help: string };

/** All of a stage but its work. */
export interface StageFacts<I extends Inputs, O extends Outputs, C extends z.ZodType> {
  /** Lower-case DNS-like name: `media.analyze`, `org.example.loudness`. */
  readonly name: string;
  /** Semantic version of the code. */
  readonly version: string;
  /** Grows when the same input gives other output: results of an older behaviour are not reused. From 1. */
  readonly behaviour: number;
  /** One line for people. */
  readonly description: string;
  readonly inputs: I;
  readonly outputs: O;
  /** Facts about the asset that must hold, else the step is skipped. */
  readonly conditions?: readonly ("has_audio" | "has_video" | "has_subtitles")[];
  /** Every field has a default. */
  readonly config?: C;
  readonly resources?: { readonly cpu?: number; readonly memoryMiB?: number; readonly gpu?: boolean };
  /** Defaults: attempt 6 h, stall 10 min. */
  readonly timeouts?: { readonly attemptMs?: number; readonly stallMs?: number };
  /** The same inputs always give the same bytes. Default false. */
  readonly deterministic?: boolean;
  /** Attempts a step may have before it is given up, 1 to 100. Default: the server's (3; 6 where memory or disk is short). */
  readonly attempts?: number;
  /** Attempts run side by side in one worker. Default 1. */
  readonly slots?: number;
  /** Runs once before registration: are tools and models there? Default: available, no models. */
  probe?(signal: AbortSignal): Promise<Capability>;
  /** Answers interactive requests (a search query's vector) in a lane of their own. Bytes in, bytes out, within 300 ms. */
  interactive?(request: Uint8Array, signal: AbortSignal): Promise<Uint8Array>;
}

export interface StageDefinition<I extends Inputs, O extends Outputs, C extends z.ZodType> extends StageFacts<I, O, C> {
  /** One attempt. Throw StageFailure to say why it failed; whatever else is thrown is tried again. */
  run(context: StageContext<I, z.output<C>>): Promise<OutputsOf<O>>;
}

/** Lets `{ kind: "text", ... }` be written where `run` returns it: while TypeScript infers the ports it would take `kind` for any string. */
type LiteralHint = { readonly [port: string]: { readonly kind?: LayerKind | (string & {}) } | object | undefined };

/** A stage as it is written down. */
export interface StageSource<I extends Inputs, O extends Outputs, C extends z.ZodType> extends StageFacts<I, O, C> {
  run(context: StageContext<I, z.output<C>>): Promise<OutputsOf<O> & LiteralHint>;
}

/** Any stage, its types forgotten: what the runtime works with. */
// biome-ignore lint/suspicious/noExplicitAny: `run` takes its own context type, so only `any` lets every stage fit.
export type AnyStage = StageDefinition<any, any, any>;
