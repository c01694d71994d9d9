import { EventEmitter, once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { itemId } from "@heimdex/sidecar";
import { defineStage, layer, mediaFacts, serveStages, source } from "@heimdex/stage-sdk";

/** A film of these tests: JSON text that says what its worker is to do with it. */
export interface Film {
  /** File name without ending; also what is said in it. */
  readonly name: string;
  /** - done: its result comes at once. - slow: after a moment. - wait: when the test says so. - kill: the worker that touches it dies. */
  readonly is: "done" | "slow" | "wait" | "kill";
  /** Makes the result so many bytes larger. Default 0. */
  readonly filler?: number;
}

export interface FromWorker {
  readonly film: string;
  readonly attempt: number;
  /** - begun: the stage has read the film. - aborted: it was told to stop. - returning: its result is on the way to the server. */
  readonly what: "begun" | "aborted" | "returning";
}

/** Lets a film go on. */
export interface ToWorker {
  readonly film: string;
}

/** A worker on the SDK, driven by the test over IPC: `worker.fixture.ts SLOTS SESSIONS`. */
const [, , slots = "1", sessions = "1"] = process.argv;
const going = new Set<string>();
const told = new EventEmitter().setMaxListeners(0);
process.on("message", ({ film }: ToWorker) => {
  going.add(film);
  told.emit("go");
});
const tell = (message: FromWorker) => process.send?.(message);

const stage = defineStage({
  name: "fault.film",
  version: "1.0.0",
  behaviour: 1,
  description: "Does with a film what the film says.",
  inputs: { source: source() },
  outputs: { media: mediaFacts(), transcript: layer("transcript") },
  slots: Number(slots),
  async run({ inputs, asset, attempt, signal, span }) {
    const bytes = await span("reading", {}, () => inputs.source.read());
    const { name, is, filler = 0 } = JSON.parse(Buffer.from(bytes).toString()) as Film;
    if (is === "kill") process.kill(process.pid, "SIGKILL");
    tell({ film: name, attempt, what: "begun" });
    signal.addEventListener("abort", () => tell({ film: name, attempt, what: "aborted" }), { once: true });
    if (is === "slow") await delay(200, undefined, { signal });
    while (is === "wait" && !going.has(name)) await once(told, "go", { signal });
    const item = { id: itemId("tr", asset, "transcript", 0), start_ms: 0, end_ms: 500 };
    tell({ film: name, attempt, what: "returning" });
    return {
      media: {
        container: "made",
        size: inputs.source.size,
        duration_ms: 1_000,
        streams: [],
        start_offset_ms: 0,
        vfr: false,
        rotation: 0 as const,
      },
      transcript: {
        kind: "transcript" as const,
        version: 1,
        language: "en",
        items: [{ ...item, text: name + ".".repeat(filler) }],
      },
    };
  },
});

process.once("disconnect", () => process.exit(1)); // the test is gone
if (sessions === "1") await serveStages([stage], { graceMs: 0 });
else {
  const { signal } = new AbortController(); // many in one process: it is the test that ends it
  await Promise.all(Array.from({ length: Number(sessions) }, () => serveStages([stage], { graceMs: 0, signal })));
}
