import type { Finish, Lease } from "@heimdex/contracts/stage/v1/work_service";
import { HeimdexError } from "@heimdex/errors";
import {
  currentSpan,
  type Log,
  newSpanId,
  newTraceId,
  parseTraceparent,
  type SpanContext,
  SpanRecorder,
  type Tracer,
  withSpan,
} from "@heimdex/telemetry";
import type { StopCause } from "./attempt-stopped.ts";
import type { CpuShare } from "./cpu-share.ts";
import { durationOf } from "./duration.ts";
import { failedOf } from "./failed.ts";
import { StageFailure } from "./failure.ts";
import type { HeldLease } from "./held-lease.ts";
import { Input } from "./input.ts";
import { type CreateUploads, sendOutputs } from "./outputs.ts";
import type { Port } from "./port.ts";
import { remove, type Scratch } from "./scratch.ts";
import type { AnyStage, StageContext } from "./stage.ts";

/** The longest a timer of Node runs. */
const MAX_TIMER_MS = 2 ** 31 - 1;
const MAX_ATTRIBUTES = 16;

/** What attempts of one worker share. */
export interface AttemptHost {
  readonly log: Log;
  readonly tracer: Tracer;
  readonly scratch: Scratch;
  readonly cpu: CpuShare;
  /** How long a stopped attempt may take to end before its lease is ended without it, in ms. */
  readonly stopGraceMs: number;
}

/** Runs one attempt of a stage. `report` is called once with how it ended, or not at all when there is nobody left to tell. Resolves when the stage's
 * code has really ended: a stage that does not heed its signal keeps its slot until then. Never rejects. */
export async function runAttempt(
  host: AttemptHost,
  stage: AnyStage,
  held: HeldLease,
  createUploads: CreateUploads,
  report: (finish: Finish | undefined) => void,
): Promise<void> {
  const { lease, signal } = held;
  const begun = performance.now();
  const stopCpu = host.cpu.start();
  const work = new Work(host, stage, held);
  let reported = false;
  const tell = (outcome: Finish["outcome"] | undefined, ownCpuMs: number): void => {
    if (reported) return;
    reported = true;
    const cpuMs = Math.round(ownCpuMs + work.childCpuMs);
    report(
      outcome === undefined
        ? undefined
        : {
            lease: lease.lease,
            epoch: lease.epoch,
            outcome,
            wallMs: Math.round(performance.now() - begun),
            cpuMs,
            spans: work.spans(),
          },
    );
  };

  const timer = setTimeout(() => held.stop("timeout"), Math.min(lease.attemptTimeoutMs || MAX_TIMER_MS, MAX_TIMER_MS));
  let unheeded: NodeJS.Timeout | undefined;
  const onStop = (): void => {
    unheeded = setTimeout(() => {
      work.log.warn({ cause: held.stopped }, "the stage does not heed its signal: its slot stays taken until it ends");
      tell(stoppedOutcome(held.stopped as StopCause), 0);
    }, host.stopGraceMs);
  };
  signal.addEventListener("abort", onStop, { once: true });
  let outcome: Finish["outcome"] | undefined;
  try {
    outcome = { $case: "completed", value: await work.run(createUploads) };
    if (held.stopped !== undefined && held.stopped !== "shutdown") outcome = stoppedOutcome(held.stopped);
  } catch (reason) {
    outcome = held.stopped === undefined ? { $case: "failed", value: failedOf(reason) } : stoppedOutcome(held.stopped);
    if (outcome?.$case === "failed") work.log.warn({ err: reason, kind: outcome.value.kind }, outcome.value.message);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onStop);
    clearTimeout(unheeded);
  }
  tell(outcome, stopCpu());
  await work.close();
}

function stoppedOutcome(cause: StopCause): Finish["outcome"] | undefined {
  switch (cause) {
    case "lost":
      return undefined;
    case "cancelled":
    case "shutdown":
      return { $case: "released", value: { reason: cause } };
    case "timeout": {
      const failure = new StageFailure(
        "RETRYABLE",
        "ATTEMPT_TIMEOUT",
        "The attempt took longer than its stage allows.",
        {
          help: "Raise the stage's timeout, or give it more of the machine.",
        },
      );
      return { $case: "failed", value: failedOf(failure) };
    }
  }
}

/** The work of one attempt and what the stage is given for it. */
class Work {
  readonly log: Log;
  childCpuMs = 0;
  readonly #host: AttemptHost;
  readonly #stage: AnyStage;
  readonly #held: HeldLease;
  /** The lease's span: parent of what the stage does, also in callbacks that lost their context. */
  readonly #span: SpanContext;
  readonly #recorder = new SpanRecorder();
  #scratch: string | undefined;
  #partialReason = "";

  constructor(host: AttemptHost, stage: AnyStage, held: HeldLease) {
    const { lease, job, attempt } = held.lease;
    this.#host = host;
    this.#stage = stage;
    this.#held = held;
    this.#span = parseTraceparent(held.lease.traceparent) ?? {
      traceId: newTraceId(),
      spanId: newSpanId(),
      sampled: true,
    };
    this.log = host.log.child({ stage: stage.name, lease, job, attempt });
  }

  /** Runs the stage within the lease's span, so that its spans and log lines are of the job's trace. */
  async run(createUploads: CreateUploads) {
    const { signal } = this.#held;
    return withSpan(this.#span, async () => {
      const returned = await this.#stage.run(this.#context());
      // What is whole is handed over even when the worker is about to end.
      if (this.#held.stopped !== "shutdown") signal.throwIfAborted();
      const outputs = await sendOutputs(this.#stage.outputs, returned, createUploads, signal);
      return { outputs, partialReason: this.#partialReason };
    });
  }

  spans(): Finish["spans"] {
    return this.#recorder.spans.map((span) => ({
      spanId: span.spanId,
      parentSpanId: span.parentSpanId ?? "",
      name: span.name.slice(0, 128),
      startTime: new Date(span.startMs),
      duration: durationOf(Math.max(0, span.endMs - span.startMs)),
      attributes: Object.fromEntries(
        Object.entries(span.attributes ?? {})
          .slice(0, MAX_ATTRIBUTES)
          .map(([key, value]) => [key, String(value)]),
      ),
      error: span.error !== undefined,
    }));
  }

  async close(): Promise<void> {
    if (this.#scratch === undefined) return;
    await remove(this.#scratch).catch((reason: unknown) =>
      this.log.warn({ err: reason }, "scratch folder left behind"),
    );
  }

  #context(): StageContext<Record<string, Port>, unknown> {
    const work = this;
    const { lease, signal } = this.#held;
    return {
      inputs: this.#inputs(lease) as never,
      config: this.#config(lease),
      signal,
      asset: lease.asset,
      sourceName: lease.sourceName,
      attempt: lease.attempt,
      // Made when first asked for: most attempts need none.
      get scratch() {
        return work.#openScratch();
      },
      progress(done, total, unit, message = "") {
        work.#held.progress = { done, total, unit: unit.slice(0, 32), message: message.slice(0, 200) };
      },
      partial(reason) {
        work.#partialReason = reason;
      },
      log(level, message, fields = {}) {
        work.log[level](fields, message);
      },
      span: (name, attributes, run) =>
        this.#host.tracer.span(
          name,
          { attributes, recorder: this.#recorder, parent: currentSpan() ?? this.#span },
          () => run(),
        ),
      cpu(ms) {
        work.childCpuMs += ms;
      },
    };
  }

  #openScratch(): string {
    this.#scratch ??= this.#host.scratch.open(this.#held.lease.lease);
    return this.#scratch;
  }

  #config(lease: Lease): unknown {
    try {
      const given: unknown = lease.config === "" ? {} : JSON.parse(lease.config);
      return this.#stage.config === undefined ? given : this.#stage.config.parse(given);
    } catch (reason) {
      const message = `The configuration is not what the stage takes: ${(reason as Error).message}`;
      throw new HeimdexError("CONFIG_INVALID", message, { cause: reason });
    }
  }

  #inputs(lease: Lease): Record<string, Input | Input[] | undefined> {
    const ports: Record<string, Port> = this.#stage.inputs;
    return Object.fromEntries(
      Object.entries(ports).map(([name, port]) => {
        const given = lease.inputs
          .filter((artifact) => artifact.port === name)
          .map((artifact) => new Input(artifact, port, () => this.#openScratch(), this.#held.signal));
        if (port.many) return [name, given];
        if (given.length > 1 || (given.length === 0 && !port.optional))
          throw new HeimdexError(
            "INTERNAL",
            `The lease brought ${given.length} artifacts on input ${name}, which takes one.`,
          );
        return [name, given[0]];
      }),
    );
  }
}
