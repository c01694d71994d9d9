import type { Manifest } from "@heimdex/contracts/stage/v1/stage";
import type { Log } from "@heimdex/telemetry";
import { Lane } from "./lane.ts";
import { manifestOf } from "./manifest.ts";
import type { AnyStage, Capability } from "./stage.ts";

/** A probe may load models; one that takes longer than this does not end. */
const PROBE_TIMEOUT_MS = 120_000;
/** Interactive requests answered side by side: while one is computed the next poll is parked already. */
const INTERACTIVE_SLOTS = 4;

/** A stage as this worker serves it, over all its sessions: slots stay taken when a session ends and code still runs. */
export class ServedStage {
  readonly stage: AnyStage;
  readonly manifest: Manifest;
  readonly batch: Lane;
  readonly interactive: Lane;
  #capability: Promise<Capability> | undefined;

  constructor(stage: AnyStage, slots: number) {
    this.stage = stage;
    this.manifest = manifestOf(stage);
    this.batch = new Lane(stage.name, slots);
    this.interactive = new Lane(stage.name, INTERACTIVE_SLOTS);
  }

  /** What the probe said; runs it at the first call. Never rejects: a probe that throws counts as one that says no.
   * @param signal the worker's end */
  probe(log: Log, signal: AbortSignal): Promise<Capability> {
    this.#capability ??= this.#probe(log, signal);
    return this.#capability;
  }

  /** Runs a probe that said no once more. One that said yes is left alone: what it loaded stays loaded. */
  async probeAgain(log: Log, signal: AbortSignal): Promise<Capability> {
    if (!(await this.probe(log, signal)).available) this.#capability = undefined;
    return this.probe(log, signal);
  }

  async #probe(log: Log, signal: AbortSignal): Promise<Capability> {
    try {
      const both = AbortSignal.any([signal, AbortSignal.timeout(PROBE_TIMEOUT_MS)]);
      const late = new Promise<never>((_, reject) => {
        both.addEventListener("abort", () => reject(both.reason), { once: true });
      });
      return await Promise.race([this.stage.probe?.(both) ?? ({ available: true } as const), late]);
    } catch (reason) {
      const message = reason instanceof Error ? reason.message : String(reason);
      if (!signal.aborted) log.warn({ err: reason, stage: this.stage.name }, "probe failed");
      return { available: false, reason: "PROBE_FAILED", help: message.slice(0, 1_000) };
    }
  }
}
