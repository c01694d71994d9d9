import { EventEmitter, once } from "node:events";
import type { TestContext } from "node:test";
import { startTelemetry } from "@heimdex/telemetry";
import { z } from "zod";
import { type FakeOptions, FakeOrchestrator } from "./fake-orchestrator.fixture.ts";
import {
  type AnyStage,
  type Capability,
  defineStage,
  json,
  type ServeOptions,
  type StageContext,
  serveStages,
} from "./index.ts";

/** A port of small JSON. */
export const note = json("org.example.note", z.looseObject({ text: z.string() }));

type NoteContext = StageContext<{ note: typeof note }, Record<string, never>>;

/** A stage from note to note. */
export function noteStage(
  run: (context: NoteContext) => Promise<{ note: { text: string } }>,
  more: { readonly name?: string; readonly slots?: number; readonly probe?: () => Promise<Capability> } = {},
) {
  return defineStage({
    name: "org.example.note",
    version: "1.0.0",
    behaviour: 1,
    description: "From note to note.",
    inputs: { note },
    outputs: { note },
    run,
    ...more,
  });
}

/** Serves stages to a scripted server until the test ends. Each line logged at or above `info` is kept. */
export async function serve(
  t: TestContext,
  stages: readonly AnyStage[],
  {
    fake,
    server: given,
    ...options
  }: ServeOptions & { readonly fake?: FakeOptions; readonly server?: FakeOrchestrator } = {},
) {
  const server = given ?? (await FakeOrchestrator.start(fake));
  const stop = new AbortController();
  const logged: Record<string, unknown>[] = [];
  const heard = new EventEmitter();
  const logTo = {
    write: (line: string) => {
      logged.push(JSON.parse(line));
      heard.emit("line");
    },
  };
  const untilLogged = async (msg: string) => {
    while (!logged.some((line) => line.msg === msg)) await once(heard, "line");
  };
  const telemetry = startTelemetry("test", { logLevel: "info", otlpEndpoint: "", logTo });
  const served = serveStages(stages, {
    orchestrator: server.address,
    signal: stop.signal,
    telemetry,
    graceMs: 0,
    ...options,
  });
  const ended = served.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  t.after(async () => {
    stop.abort();
    await ended;
    await server[Symbol.asyncDispose]();
  });
  return { server, stop, ended, logged, untilLogged };
}

/** Resolves when the signal aborts, with its reason. */
export function abortOf(signal: AbortSignal): Promise<unknown> {
  if (signal.aborted) return Promise.resolve(signal.reason);
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(signal.reason), { once: true }));
}
