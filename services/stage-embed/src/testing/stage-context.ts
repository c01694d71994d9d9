import { createHash } from "node:crypto";
import type { InputArtifact } from "@heimdex/stage-sdk";

/** A JSON input of a stage. */
export function artifact<T>(value: T): InputArtifact<T> {
  const bytes = Buffer.from(JSON.stringify(value) ?? "");
  const refuse = async (): Promise<never> => {
    throw new Error("not of this port");
  };
  return {
    sha256: createHash("sha256").update(bytes).digest("hex"),
    size: bytes.length,
    mediaType: "application/json",
    path: undefined,
    url: "http://invalid/",
    location: "http://invalid/",
    read: async () => bytes,
    file: refuse,
    json: async () => value,
  };
}

/** An input of bytes in memory. */
export function bytesArtifact(bytes: Uint8Array): InputArtifact<undefined> {
  return {
    ...artifact(undefined),
    sha256: createHash("sha256").update(bytes).digest("hex"),
    size: bytes.length,
    read: async () => bytes,
  };
}

/** All of a stage's context but its inputs and configuration. */
export function stageContext() {
  const partials: string[] = [];
  const progress: [number, number][] = [];
  return {
    partials,
    progresses: progress,
    context: {
      signal: AbortSignal.timeout(60_000),
      asset: "a_1",
      sourceName: "film.mp4",
      scratch: "/nonexistent",
      attempt: 1,
      progress: (done: number, total: number) => void progress.push([done, total]),
      partial: (reason: string) => void partials.push(reason),
      log: () => {},
      span: <R>(_name: string, _attributes: object, work: () => Promise<R>) => work(),
      cpu: () => {},
    },
  };
}
