import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Manifest } from "@heimdex/contracts/stage/v1/stage";
import {
  AcquireLeasesRequest_Lane,
  type Finish,
  type FinishAnswer,
  type Lease,
} from "@heimdex/contracts/stage/v1/work_service";
import type { Step } from "@heimdex/kernel";
import { serveStages } from "@heimdex/stage-sdk";
import { startTelemetry } from "@heimdex/telemetry";
import type { Call } from "./call.ts";
import { Broken, DoesNotApply } from "./check.ts";
import { DataGate } from "./data-gate.ts";
import { EmbeddedServer, type StageConfigs } from "./embedded-server.ts";
import { feederStage, type GivenInputs, missingInputs } from "./feeder.ts";
import { type FilmKind, Films } from "./films.ts";
import { Recorder } from "./recorder.ts";
import { Slowness } from "./slowness.ts";
import { TcpProxy } from "./tcp-proxy.ts";
import { ATTEMPT_MS, LEEWAY_MS, RECOVER_MS, START_MS } from "./times.ts";
import { exitText, WorkerProcess } from "./worker-process.ts";

export interface BenchOptions {
  /** The command under test, program first. */
  readonly command: readonly string[];
  /** Folder it runs in. Default: this process's. */
  readonly cwd?: string;
  /** Environment besides this process's own. */
  readonly env?: NodeJS.ProcessEnv;
  /** Which of the worker's stages is tested. Default: the one it serves. */
  readonly stage?: string;
  /** Files for input ports, by port name. */
  readonly inputs?: GivenInputs;
}

/** A lease as the worker got it. Times by `performance.now()`. */
export interface Given {
  readonly lease: Lease;
  readonly session: string;
  /** When the answer that brought it was sent. */
  readonly atMs: number;
}

/** What became of one file: its attempts in order, and the step's end. */
export interface Indexed {
  readonly job: string;
  readonly sourceName: string;
  readonly step: Step;
  readonly attempts: readonly Ended[];
}

/** An attempt and what the worker said of it last. */
export interface Ended {
  readonly given: Given;
  readonly finish: Finish | undefined;
  readonly answer: FinishAnswer | undefined;
}

/** A worker between two things: the server, and what may go wrong. Checks drive it. */
export class Bench implements AsyncDisposable {
  readonly recorder: Recorder;
  readonly tcp: TcpProxy;
  readonly gate: DataGate;
  readonly server: EmbeddedServer;
  readonly films: Films;
  readonly slowness: Slowness;
  readonly #options: BenchOptions;
  readonly #cleanup: AsyncDisposableStack;
  readonly #kinds = new Map<string, FilmKind>();
  /** Sources whose leases come with local paths, where the worker proved the mount. */
  readonly #withPaths = new Set<string>();
  readonly #scenes = new Map<string, Promise<unknown>>();
  readonly #stopFeeding = new AbortController();
  #feeder: Promise<void> | undefined;
  #worker: WorkerProcess | undefined;
  #starts = 0;

  private constructor(parts: {
    recorder: Recorder;
    tcp: TcpProxy;
    gate: DataGate;
    server: EmbeddedServer;
    films: Films;
    slowness: Slowness;
    options: BenchOptions;
    cleanup: AsyncDisposableStack;
  }) {
    this.recorder = parts.recorder;
    this.tcp = parts.tcp;
    this.gate = parts.gate;
    this.server = parts.server;
    this.films = parts.films;
    this.slowness = parts.slowness;
    this.#options = parts.options;
    this.#cleanup = parts.cleanup;
  }

  static async open(options: BenchOptions): Promise<Bench> {
    await using cleanup = new AsyncDisposableStack();
    const folder = await mkdtemp(join(tmpdir(), "heimdex-stage-kit-"));
    cleanup.defer(() => rm(folder, { recursive: true, force: true }));
    const server = cleanup.use(await EmbeddedServer.open(folder));
    const { recorder, port } = await Recorder.listen();
    cleanup.use(recorder);
    recorder.stage = options.stage;
    recorder.connect(server.address);
    const tcp = cleanup.use(await TcpProxy.listen(port));
    const gate = cleanup.use(await DataGate.listen(() => recorder.changed()));
    const films = new Films(folder);
    const slowness = cleanup.use(new Slowness());
    const bench = new Bench({ recorder, tcp, gate, server, films, slowness, options, cleanup: cleanup.move() });
    recorder.rewrite = (lease) => (bench.#withPaths.has(lease.sourceName) ? lease : gate.through(lease));
    return bench;
  }

  /** Waits until `look` finds something, which is looked for after every call; undefined when it has not within a time as it is on this machine.
   * @param withinMs on a machine that is not slow */
  async until<T>(look: () => T | undefined | false, withinMs: number): Promise<T | undefined> {
    const sinceMs = performance.now();
    for (;;) {
      const leftMs = sinceMs + this.slowness.stretched(withinMs, sinceMs) - performance.now();
      const found = await this.recorder.until(look, Math.max(0, leftMs));
      if (found !== undefined || leftMs <= 0) return found;
    }
  }

  /** What may be added to a time that is judged, ms.
   * @param sinceMs when that time began */
  leewayMs(sinceMs: number): number {
    return this.slowness.stretched(LEEWAY_MS, sinceMs);
  }

  // ---- the worker

  get worker(): WorkerProcess {
    if (this.#worker === undefined) throw new Broken("no worker was started");
    return this.#worker;
  }

  /** How often the command was started. */
  get starts(): number {
    return this.#starts;
  }

  /** Name of the stage under test. */
  get stage(): string {
    return this.recorder.stage ?? "";
  }

  get manifest(): Manifest {
    const manifest = this.recorder.manifests.get(this.stage);
    if (manifest === undefined) throw new Broken(`the worker registered no stage${this.said()}`);
    return manifest;
  }

  /** The newest session in which the stage was registered. */
  get session(): string {
    const call = this.recorder.of("registerStage").findLast((each) => this.#isOurs(each) && each.answer !== undefined);
    return call?.session ?? "";
  }

  /** The worker is up, has registered its stage and asks for work, or is brought to do so: a check must not suffer from what one before did. */
  async ready(): Promise<void> {
    this.tcp.accept();
    this.recorder.draining.clear();
    if (this.#worker !== undefined && this.#worker.exit === undefined) {
      if ((await this.until(() => this.isPolling(), RECOVER_MS)) !== undefined) return;
      await this.stop();
    }
    await this.start();
  }

  /** Starts the worker anew and waits until it asks for work. */
  async start(): Promise<void> {
    await this.stop();
    const { command, cwd, env } = this.#options;
    const sinceMs = performance.now();
    const worker = WorkerProcess.start(command, cwd, { ...env, HEIMDEX_ORCHESTRATOR: this.tcp.address });
    this.#worker = worker;
    this.#starts++;
    void worker.ended.then(() => this.recorder.changed());
    const registered = await this.until(
      () =>
        worker.exit !== undefined ||
        this.recorder
          .of("registerStage", sinceMs)
          .find((call) => this.#isOurs(call) && (call.answer !== undefined || call.error !== undefined)),
      START_MS,
    );
    if (registered === undefined || registered === true) {
      const others = [...this.recorder.manifests.keys()];
      const instead = others.length > 0 ? `; it registered ${others.join(", ")}` : "";
      const how = worker.exit === undefined ? `within ${START_MS / 1000} s` : `and ${exitText(worker.exit)}`;
      throw new Broken(`the worker did not register ${this.stage || "a stage"} ${how}${instead}${this.said()}`);
    }
    if (registered.error !== undefined)
      throw new Broken(`RegisterStage was refused: ${registered.error.id}: ${registered.error.message}`);
    const { unavailableReason, unavailableHelp } = (registered as Call<"registerStage">).request;
    if (unavailableReason !== "")
      throw new Broken(`the worker says that it cannot run the stage here: ${unavailableReason}: ${unavailableHelp}`);
    await this.#feed();
    if ((await this.until(() => this.isPolling() || worker.exit !== undefined, RECOVER_MS)) === undefined)
      throw new Broken(`the worker registered its stage and then asked for no work within ${RECOVER_MS / 1000} s`);
    if (worker.exit !== undefined)
      throw new Broken(`the worker registered its stage and then ${exitText(worker.exit)}${this.said()}`);
  }

  async stop(): Promise<void> {
    await this.#worker?.[Symbol.asyncDispose]();
    this.#worker = undefined;
    // What it left on the server would stand in the way of the next one.
    for (const { session, token } of this.recorder.sessions.splice(0)) {
      const { work, options } = this.recorder.upstream(token);
      await work.closeSession({ session }, options).catch(() => undefined);
    }
  }

  /** The worker waits for work now: a poll for the stage in its newest session is under way. */
  isPolling(): boolean {
    return this.pollsUnderWay().length > 0;
  }

  /** Polls of the stage's batch lane that wait now, in the newest session. */
  pollsUnderWay(): Call<"acquireLeases">[] {
    const { session } = this;
    return this.polls().filter((call) => call.session === session && call.endMs === undefined);
  }

  /** Polls of the stage's batch lane.
   * @param sinceMs only those that began then or later */
  polls(sinceMs = 0): Call<"acquireLeases">[] {
    return this.recorder
      .of("acquireLeases", sinceMs)
      .filter(({ request }) => request.lane !== AcquireLeasesRequest_Lane.INTERACTIVE && this.asked(request) > 0);
  }

  /** Leases of the stage that a poll asks for. */
  asked({ slots }: { slots: readonly { stage: string; count: number }[] }): number {
    return slots.reduce((sum, slot) => sum + (slot.stage === this.stage ? slot.count : 0), 0);
  }

  /** The last lines of what the worker printed, for messages. */
  said(): string {
    const tail = this.#worker?.tail ?? "";
    return tail === "" ? "" : `; its last words: ${tail.split("\n").slice(-6).join(" | ").slice(-800)}`;
  }

  /** Registrations of the stage under test, in order. */
  registrations(): Call<"registerStage">[] {
    return this.recorder.of("registerStage").filter((call) => this.#isOurs(call));
  }

  #isOurs(call: Call<"registerStage">): boolean {
    return call.request.manifest?.name === this.stage;
  }

  /** Puts out what the stage takes, from the first registration on. */
  async #feed(): Promise<void> {
    if (this.#feeder !== undefined) return;
    const given = this.#options.inputs ?? {};
    const missing = missingInputs(this.manifest, given);
    if (missing.length > 0) {
      const [port] = missing;
      throw new Broken(
        `the kit has nothing for the input port ${port?.name} (${port?.mediaType}, ${port?.schema}): give it a file with --input ${port?.name}=FILE`,
      );
    }
    const stage = feederStage(this.manifest, given, this.films, (name) => this.#kinds.get(name) ?? "plain");
    if (stage === undefined) {
      this.#feeder = Promise.resolve();
      return;
    }
    const telemetry = startTelemetry("feeder", { logLevel: "silent", otlpEndpoint: "" });
    const options = { worker: "kit", graceMs: 0, signal: this.#stopFeeding.signal, telemetry };
    this.#feeder = serveStages([stage], { ...options, orchestrator: this.server.address });
    await this.server.registered(stage.name);
  }

  // ---- inputs

  /** Has the worker do a file, and waits for its end. Throws Broken when it does not end. */
  async index(kind: FilmKind, name: string, options: { readonly withPaths?: boolean } = {}): Promise<Indexed> {
    const { job, sourceName } = await this.begin(kind, name, options);
    return this.ended(job, sourceName);
  }

  /** Has the worker begin with a file.
   * @param options.held its inputs are held back until the gate releases the source; up to this epoch */
  async begin(
    kind: FilmKind,
    name: string,
    options: { readonly withPaths?: boolean; readonly held?: number } = {},
  ): Promise<{ job: string; sourceName: string; path: string; bytes: Buffer }> {
    const { uri, sourceName, path, bytes } = await this.films.file(kind, name);
    this.#kinds.set(sourceName, kind);
    if (options.withPaths === true) this.#withPaths.add(sourceName);
    if (options.held !== undefined) this.gate.hold(sourceName, options.held);
    return { job: await this.server.createJob(uri), sourceName, path, bytes };
  }

  /** Waits for the end of a job's step. Throws Broken when it does not come, DoesNotApply when the stage's conditions leave the file out. */
  async ended(job: string, sourceName: string): Promise<Indexed> {
    const step = await this.server.stepEnded(job, this.stage, ATTEMPT_MS, () => this.worker.exit !== undefined);
    // The server's answer may still be on its way to the worker.
    const isAnswered = () =>
      this.given(job).every(({ lease }) => this.finishesOf(lease.lease).every(({ call }) => call.endMs !== undefined));
    if (step !== undefined) await this.until(isAnswered, LEEWAY_MS);
    const attempts = this.attempts(job);
    if (step === undefined) {
      const ended = this.worker.exit === undefined ? "" : `; the worker ${exitText(this.worker.exit)}${this.said()}`;
      const how = attempts.length === 0 ? "no lease was taken" : `it was leased ${attempts.length} times`;
      throw new Broken(`the work on ${sourceName} did not end: ${how}${ended}`);
    }
    if (step.state === "SKIPPED") throw new DoesNotApply(`the stage is not run on such a file: ${step.reason}`);
    return { job, sourceName, step, attempts };
  }

  /** One plain film, done from beginning to end; the same for all checks that look at an ordinary attempt. */
  ordinary(): Promise<Indexed> {
    return this.scene("ordinary", () => this.index("plain", "plain", { withPaths: true }));
  }

  /** Plays a scene once; whoever asks again gets what came of it. */
  scene<T>(name: string, play: () => Promise<T>): Promise<T> {
    const scene = this.#scenes.get(name) ?? play();
    this.#scenes.set(name, scene);
    return scene as Promise<T>;
  }

  /** Has the worker begin with a plain film whose inputs are held back, and waits until it has the lease. Throws DoesNotApply when the attempt ends in
   * spite of that: the stage does not read its inputs. */
  async hold(name: string, lastEpoch = Number.POSITIVE_INFINITY): Promise<Given & { sourceName: string; job: string }> {
    const { job, sourceName } = await this.begin("plain", name, { held: lastEpoch });
    const given = await this.until(() => this.given(job)[0], ATTEMPT_MS);
    if (given === undefined) throw new Broken(`the worker took no lease within ${ATTEMPT_MS / 1000} s`);
    const id = given.lease.lease;
    const isRead = () => this.gate.readings.some(({ lease }) => lease === id) || this.finishOf(id) !== undefined;
    await this.until(isRead, RECOVER_MS);
    if (this.finishOf(id) !== undefined) {
      this.gate.release(sourceName);
      throw new DoesNotApply("the attempt ended while its inputs were held back: the stage does not read them");
    }
    return { ...given, sourceName, job };
  }

  // ---- what was seen

  /** Leases of the stage that were given to the worker, in order.
   * @param job only of this one */
  given(job?: string): Given[] {
    return this.recorder
      .of("acquireLeases")
      .flatMap((call) =>
        (call.isLost ? [] : (call.answer?.leases ?? []))
          .filter((lease) => lease.stage === this.stage && lease.job !== "" && (job === undefined || lease.job === job))
          .map((lease) => ({ lease, session: call.session, atMs: call.endMs ?? performance.now() })),
      );
  }

  /** The attempts of a job, with what the worker said of each last. */
  attempts(job: string): Ended[] {
    return this.given(job).map((given) => ({ given, ...this.lastFinish(given.lease.lease) }));
  }

  /** Calls that said how a lease ended. */
  finishesOf(lease: string): { call: Call<"finishLeases">; finish: Finish; answer: FinishAnswer | undefined }[] {
    return this.recorder.of("finishLeases").flatMap((call) =>
      call.request.finishes
        .filter((finish) => finish.lease === lease)
        .map((finish) => ({
          call,
          finish,
          answer: call.isLost ? undefined : call.answer?.answers.find((answer) => answer.lease === lease),
        })),
    );
  }

  finishOf(lease: string): Finish | undefined {
    return this.finishesOf(lease).at(-1)?.finish;
  }

  lastFinish(lease: string): { finish: Finish | undefined; answer: FinishAnswer | undefined } {
    const last = this.finishesOf(lease).at(-1);
    return { finish: last?.finish, answer: last?.answer };
  }

  /** Calls that renewed a lease. */
  renewalsOf(lease: string): Call<"renewLeases">[] {
    return this.recorder
      .of("renewLeases")
      .filter(({ request }) => request.renewals.some((renewal) => renewal.lease === lease));
  }

  /** Most leases the worker has asked for at once while it held none. */
  get capacity(): number {
    const polls = this.polls();
    const first = this.given()[0]?.atMs ?? Number.POSITIVE_INFINITY;
    const idle = polls.filter(({ atMs }) => atMs < first);
    const at = (atMs: number) =>
      idle.filter((poll) => poll.atMs <= atMs && (poll.endMs ?? Number.POSITIVE_INFINITY) > atMs);
    return Math.max(1, ...idle.map(({ atMs }) => at(atMs).reduce((sum, { request }) => sum + this.asked(request), 0)));
  }

  // ---- faults

  /** Takes a lease away from the worker: the server gives the step to another for a moment, so that what the worker still says of it comes too late. */
  async supersede({ lease, session }: Given): Promise<void> {
    const registered = this.recorder.of("registerStage").findLast((call) => this.#isOurs(call))?.request;
    const hello = { protocolVersions: [1], worker: "another", software: "", device: "" };
    const another = await this.recorder.upstream().work.openSession(hello);
    const { work, registry, options } = this.recorder.upstream(another.token);
    await registry.registerStage({ ...registered, session: another.session }, options);
    const token = this.recorder.sessions.find((opened) => opened.session === session)?.token ?? "";
    const value = { reason: "taken away by the kit" };
    const finish = { lease: lease.lease, epoch: lease.epoch, outcome: { $case: "released", value } } as const;
    await work.finishLeases({ session, finishes: [finish] }, this.recorder.upstream(token).options);
    // The worker itself may have been quicker, with a poll that waited.
    await work.acquireLeases({ session: another.session, slots: [{ stage: this.stage, count: 1 }] }, options);
    await work.closeSession({ session: another.session }, options);
  }

  /** Has the server forget the worker's session. */
  async forget(session: string): Promise<void> {
    const token = this.recorder.sessions.find((opened) => opened.session === session)?.token ?? "";
    const { work, options } = this.recorder.upstream(token);
    await work.closeSession({ session }, options);
  }

  /** Starts the server anew: sessions are forgotten, leases given back.
   * @param configs of stages, instead of their defaults */
  async restartServer(configs: StageConfigs = {}): Promise<void> {
    this.tcp.refuse();
    await this.server.stop();
    await this.server.start(configs);
    this.recorder.sessions.length = 0;
    this.recorder.connect(this.server.address);
    this.tcp.accept();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    this.#stopFeeding.abort();
    await this.#feeder;
    await this.#cleanup.disposeAsync();
  }
}
