import { hostname } from "node:os";
import { loadConfig, refusePlain, secret, secretKeys } from "@heimdex/config";
import { STAGE_PROTOCOL_VERSION } from "@heimdex/contracts";
import type { OpenSessionResponse } from "@heimdex/contracts/stage/v1/work_service";
import { HeimdexError } from "@heimdex/errors";
import { startTelemetry, type Telemetry } from "@heimdex/telemetry";
import { z } from "zod";
import { backoffMs, pause } from "./backoff.ts";
import { Connection, callFailure } from "./connection.ts";
import { CpuShare } from "./cpu-share.ts";
import type { Health } from "./health.ts";
import { findProgram } from "./program.ts";
import { Scratch } from "./scratch.ts";
import { ServedStage } from "./served-stage.ts";
import { Session } from "./session.ts";
import { exitSoon, watchShutdown } from "./shutdown.ts";
import type { AnyStage } from "./stage.ts";

const OPEN_DEADLINE_MS = 5_000;
const SHORT_SESSION_MS = 10_000;
/** A server that drains is mostly about to restart: the first pause before the next session is as long as after so many failures. */
const DRAINED_PAUSE = 4;

const settings = z.object({
  orchestrator: z.string().default("127.0.0.1:8482").meta({ production: refusePlain }),
  stageKey: secretKeys(z.string().min(1)).optional(),
  tls: z
    .object({ clientCert: z.string().meta({ file: true }).optional(), clientKey: secret().optional() })
    .refine(({ clientCert, clientKey }) => (clientCert === undefined) === (clientKey === undefined), {
      path: ["clientKey"],
      message: "certificate and key go together",
    }),
  scratch: z.string().optional(),
  /** `HOST:PORT`, to answer grpc.health.v1 there. */
  healthAddress: z.string().optional(),
  supervised: z.stringbool().default(false),
});

export interface ServeOptions {
  /** Where the orchestrator listens: `host:port`, `https://host:port` or a gRPC target. Default: HEIMDEX_ORCHESTRATOR, else `127.0.0.1:8482`. */
  readonly orchestrator?: string;
  /** Key of the role stage, which sessions are opened with where the orchestrator asks for one. Default: HEIMDEX_STAGE_KEY, or the file that
   * HEIMDEX_STAGE_KEY_FILE names, which is read again for each session (of several keys in it, the first); else none. */
  readonly stageKey?: string;
  /** Name of the worker, for people. Default: that of the running program's package. */
  readonly worker?: string;
  /** Version of the worker's software. Default: that of the running program's package. */
  readonly software?: string;
  /** What it computes on, for provenance. Default `cpu`. */
  readonly device?: string;
  /** Attempts side by side, by stage name. Default: each stage's own `slots`. */
  readonly slots?: Readonly<Record<string, number>>;
  /** Where attempts get their folders. Default: HEIMDEX_SCRATCH, else the system's temporary folder. */
  readonly scratch?: string;
  /** How long running attempts may go on when the worker is to end, in ms. Default 10 s. */
  readonly graceMs?: number;
  /** How long an attempt that was told to stop may take to do so before its lease is ended without it, in ms. Default 5 s. */
  readonly stopGraceMs?: number;
  /** Default: started for this worker, and closed with it. */
  readonly telemetry?: Telemetry;
  /** Ends the worker. With it the process's signals and stdin are left alone; without it SIGTERM, SIGINT and, with HEIMDEX_SUPERVISED=1, the end of
   * stdin end the worker, and the process is seen to end after it. */
  readonly signal?: AbortSignal;
}

/** Serves stages until it is told to stop: opens a session with the orchestrator, registers the stages, and works. When the server is away it comes
 * back by itself, for as long as it takes; when the server has forgotten the session it opens a new one, and drops what it had under way; when the
 * server drains the session it finishes what it holds there and opens a new one. Resolves when it was stopped. Rejects with CONFIG_INVALID, PROTOCOL_UNSUPPORTED,
 * UNAUTHENTICATED or PERMISSION_DENIED when the key does not open a session, or the server's refusal when it takes
 * none of the stages. */
export async function serveStages(stages: readonly AnyStage[], options: ServeOptions = {}): Promise<void> {
  const config = loadConfig(settings, process.env);
  const program = await findProgram();
  const worker = `${options.worker ?? program.name}@${hostname()}`.slice(0, 128);
  const telemetry = options.telemetry ?? startTelemetry(options.worker ?? program.name);
  const { log, tracer } = telemetry;
  using shutdown = options.signal === undefined ? watchShutdown(log, config.supervised) : undefined;
  const stop = options.signal ?? (shutdown as { signal: AbortSignal }).signal;
  const scratch = new Scratch(options.scratch ?? config.scratch);
  try {
    await using health = await openHealth(config.healthAddress);
    const served = stages.map((stage) => new ServedStage(stage, options.slots?.[stage.name] ?? stage.slots ?? 1));
    // Probes are started before the server is reached: what takes longer hides the other.
    for (const stage of served) void stage.probe(log, stop);
    await scratch.sweep();
    const { clientCert: cert, clientKey: key } = config.tls;
    const certificate = cert === undefined || key === undefined ? undefined : { cert, key: key.reveal() };
    using connection = new Connection(options.orchestrator ?? config.orchestrator, log, certificate);
    const host = { log, tracer, scratch, cpu: new CpuShare(), stopGraceMs: options.stopGraceMs ?? 5_000 };
    const hello = {
      protocolVersions: [STAGE_PROTOCOL_VERSION],
      worker,
      software: options.software ?? program.version,
      device: options.device ?? "cpu",
    };
    const stageKey = () => options.stageKey ?? loadConfig(settings, process.env).stageKey?.[0].reveal();
    const graceMs = () => (shutdown?.orphaned === true ? 0 : (options.graceMs ?? 10_000));
    const finishing = new Set<Promise<void>>();
    const onServing = () => {
      if (health !== undefined) health.isServing = true;
    };
    for (let short = 0; ; ) {
      const begun = performance.now();
      const opened = await openSession(connection, stageKey, hello, stop);
      if (opened === undefined) break;
      const session = await Session.start(opened, { connection, host, served, stop, graceMs, onServing });
      const end = await session.run();
      if (health !== undefined) health.isServing = false;
      // Slots that what is under way still holds are not asked for by the next session.
      const finished = session.finish().finally(() => finishing.delete(finished));
      finishing.add(finished);
      if (stop.aborted) break;
      if (end === "unknown") log.warn({ session: opened.session }, "the server does not know the session any more");
      else log.info({ session: opened.session }, "draining");
      // One session that ends early is a restarted server, and the next is opened at once; more of them in a row are a server in trouble.
      short = performance.now() - begun < SHORT_SESSION_MS ? short + 1 : 0;
      if (end === "draining") await pause(backoffMs(short + DRAINED_PAUSE), stop);
      else if (short > 1) await pause(backoffMs(short), stop);
    }
    await Promise.all(finishing);
    log.info("stopped");
  } finally {
    await scratch.close();
    if (options.telemetry === undefined) await telemetry[Symbol.asyncDispose]();
    if (shutdown !== undefined) exitSoon();
  }
}

/** Loaded only where it is asked for: a worker starts sooner without. */
async function openHealth(address: string | undefined): Promise<Health | undefined> {
  if (address === undefined) return undefined;
  const { Health } = await import("./health.ts");
  return Health.open(address);
}

interface Hello {
  readonly protocolVersions: number[];
  readonly worker: string;
  readonly software: string;
  readonly device: string;
}

/** Tries until the server answers; undefined when the worker is to stop before. */
async function openSession(
  connection: Connection,
  stageKey: () => string | undefined,
  hello: Hello,
  stop: AbortSignal,
): Promise<OpenSessionResponse | undefined> {
  for (let failures = 1; !stop.aborted; failures++) {
    try {
      return await connection.call(OPEN_DEADLINE_MS, stageKey(), stop, ({ work }, options) =>
        work.openSession(hello, options),
      );
    } catch (reason) {
      if (stop.aborted) return undefined;
      if (!(reason instanceof HeimdexError) || callFailure(reason) !== "away") throw reason;
      await pause(backoffMs(failures), stop);
    }
  }
  return undefined;
}
