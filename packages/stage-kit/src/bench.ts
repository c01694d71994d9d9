import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Manifest } from "@heimdex/contracts/stage/v1/stage";
import type { Step } from "@heimdex/kernel";
import type { Call } from "./call.ts";
import { Broken, DoesNotApply } from "./check.ts";
import { DataGate } from "./data-gate.ts";
import { Feeder, feederStage, type GivenInputs } from "./feeder.ts";
import { type FilmKind, Films } from "./films.ts";
import { KitServer, type OpenPorts, type StageConfigs } from "./kit-server.ts";
import { Recorder } from "./recorder.ts";
import { type Ended, type Given, Sightings } from "./sightings.ts";
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
  /** What the kit's server keeps its data in. Default: a folder that is removed afterwards. */
  readonly openPorts?: OpenPorts;
}

/** What became of one file: its attempts in order, and the step's end. */
export interface Indexed {
  readonly job: string;
  readonly sourceName: string;
  readonly step: Step;
  readonly attempts: readonly Ended[];
}

/** A worker between two things: the server, and what may go wrong. Checks drive it. */
export class Bench implements AsyncDisposable {
  readonly recorder: Recorder;
  /** What was seen of the worker. */
  readonly seen: Sightings;
  readonly tcp: TcpProxy;
  readonly gate: DataGate;
  readonly server: KitServer;
  readonly films: Films;
  readonly slowness: Slowness;
  readonly #options: BenchOptions;
  readonly #cleanup: AsyncDisposableStack;
  readonly #kinds = new Map<string, FilmKind>();
  /** Sources whose leases come with local paths, where the worker proved the mount. */
  readonly #withPaths = new Set<string>();
  readonly #scenes = new Map<string, Promise<unknown>>();
  #feeder: Feeder | undefined;
  #worker: WorkerProcess | undefined;
  #starts = 0;

  private constructor(parts: {
    recorder: Recorder;
    tcp: TcpProxy;
    gate: DataGate;
    server: KitServer;
    films: Films;
    slowness: Slowness;
    options: BenchOptions;
    cleanup: AsyncDisposableStack;
  }) {
    this.recorder = parts.recorder;
    this.seen = new Sightings(parts.recorder);
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
    const server = cleanup.use(await KitServer.open(folder, options.openPorts));
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

  get manifest(): Manifest {
    const manifest = this.recorder.manifests.get(this.seen.stage);
    if (manifest === undefined) throw new Broken(`the worker registered no stage${this.said()}`);
    return manifest;
  }

  /** The worker is up, has registered its stage and asks for work, or is brought to do so: a check must not suffer from what one before did. */
  async ready(): Promise<void> {
    this.tcp.accept();
    this.recorder.draining.clear();
    if (this.#worker !== undefined && this.#worker.exit === undefined) {
      if ((await this.until(() => this.seen.isPolling(), RECOVER_MS)) !== undefined) return;
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
          .find((call) => this.seen.isOurs(call) && (call.answer !== undefined || call.error !== undefined)),
      START_MS,
    );
    if (registered === undefined || registered === true) {
      const others = [...this.recorder.manifests.keys()];
      const instead = others.length > 0 ? `; it registered ${others.join(", ")}` : "";
      const how = worker.exit === undefined ? `within ${START_MS / 1000} s` : `and ${exitText(worker.exit)}`;
      throw new Broken(`the worker did not register ${this.seen.stage || "a stage"} ${how}${instead}${this.said()}`);
    }
    if (registered.error !== undefined)
      throw new Broken(`RegisterStage was refused: ${registered.error.id}: ${registered.error.message}`);
    const { unavailableReason, unavailableHelp } = (registered as Call<"registerStage">).request;
    if (unavailableReason !== "")
      throw new Broken(`the worker says that it cannot run the stage here: ${unavailableReason}: ${unavailableHelp}`);
    await this.#feed();
    if ((await this.until(() => this.seen.isPolling() || worker.exit !== undefined, RECOVER_MS)) === undefined)
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

  /** The last lines of what the worker printed, for messages. */
  said(): string {
    const tail = this.#worker?.tail ?? "";
    return tail === "" ? "" : `; its last words: ${tail.split("\n").slice(-6).join(" | ").slice(-800)}`;
  }

  /** Puts out what the stage takes, from the first registration on. */
  async #feed(): Promise<void> {
    if (this.#feeder !== undefined) return;
    this.#feeder = await Feeder.start(
      this.server,
      feederStage(this.manifest, this.#options.inputs ?? {}, this.films, this.#kinds),
    );
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
    const step = await this.#stepEnded(job);
    // The server's answer may still be on its way to the worker.
    const isAnswered = () =>
      this.seen
        .given(job)
        .every(({ lease }) => this.seen.finishesOf(lease.lease).every(({ call }) => call.endMs !== undefined));
    if (step !== undefined) await this.until(isAnswered, LEEWAY_MS);
    const attempts = this.seen.attempts(job);
    if (step === undefined) {
      const ended = this.worker.exit === undefined ? "" : `; the worker ${exitText(this.worker.exit)}${this.said()}`;
      const how = attempts.length === 0 ? "no lease was taken" : `it was leased ${attempts.length} times`;
      throw new Broken(`the work on ${sourceName} did not end: ${how}${ended}`);
    }
    if (step.state === "SKIPPED") throw new DoesNotApply(`the stage is not run on such a file: ${step.reason}`);
    return { job, sourceName, step, attempts };
  }

  /** The job's step once it has ended; undefined when it does not, or the worker ends before. */
  async #stepEnded(job: string): Promise<Step | undefined> {
    const stop = new AbortController();
    const watch = this.until(() => this.worker.exit !== undefined || stop.signal.aborted, ATTEMPT_MS);
    void watch.then(() => stop.abort());
    const step = await this.server.stepEnded(job, this.seen.stage, stop.signal);
    stop.abort();
    this.recorder.changed(); // the watch ends
    return step;
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
    const given = await this.until(() => this.seen.given(job)[0], ATTEMPT_MS);
    if (given === undefined) throw new Broken(`the worker took no lease within ${ATTEMPT_MS / 1000} s`);
    const id = given.lease.lease;
    const isRead = () => this.gate.readings.some(({ lease }) => lease === id) || this.seen.finishOf(id) !== undefined;
    await this.until(isRead, RECOVER_MS);
    if (this.seen.finishOf(id) !== undefined) {
      this.gate.release(sourceName);
      throw new DoesNotApply("the attempt ended while its inputs were held back: the stage does not read them");
    }
    return { ...given, sourceName, job };
  }

  // ---- faults

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
    await this.#feeder?.[Symbol.asyncDispose]();
    await this.#cleanup.disposeAsync();
  }
}
