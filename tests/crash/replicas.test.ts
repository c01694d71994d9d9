import assert from "node:assert/strict";
import { type ChildProcess, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import { SqliteCatalog } from "@heimdex/adapters-sqlite";
import { freePorts } from "@heimdex/testing-servers/free-ports";
import { film } from "./films.ts";
import type { FromHost, ToHost } from "./host.fixture.ts";
import { randomOf } from "./random.ts";
import { assertWhole, untilDone } from "./whole-archive.ts";

const REPLICA = fileURLToPath(new URL("./replica.fixture.ts", import.meta.url));
const WORKER = fileURLToPath(new URL("./worker.fixture.ts", import.meta.url));
/** Clocks of the replicas, against the real one: further apart than a lease lives. */
const SKEWS_MS = [-7_000, 0, 9_000];
const ROUNDS = 9;
const FILMS_A_ROUND = 2;
/** How long one is stopped: longer than another takes to take over from it. */
const STOPPED_MS = 4_000;
const PATIENCE_MS = 120_000;

/** One of the orchestrators; started again whenever it was killed. */
class Replica {
  readonly port: number;
  readonly #data: string;
  readonly #skewMs: number;
  readonly #onHeard: (message: FromHost) => void;
  #child: ChildProcess;
  isServing = false;

  constructor(data: string, port: number, skewMs: number, onHeard: (message: FromHost) => void) {
    this.port = port;
    this.#data = data;
    this.#skewMs = skewMs;
    this.#onHeard = onHeard;
    this.#child = this.#start();
  }

  #start(): ChildProcess {
    const child = fork(REPLICA, [this.#data, String(this.port), String(this.#skewMs)], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    this.isServing = false;
    child.on("message", (message: FromHost) => {
      if (message.kind === "phase") this.isServing = true;
      this.#onHeard(message);
    });
    return child;
  }

  tell(message: ToHost): void {
    if (this.#child.connected) this.#child.send(message, () => undefined); // another is asked when it dies
  }

  async kill(): Promise<void> {
    const gone = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await gone;
  }

  async restart(): Promise<void> {
    await this.kill();
    this.#child = this.#start();
  }

  /** Stops it for a while, as a machine does that is too busy: it knows nothing of it when it wakes. */
  async freeze(): Promise<void> {
    this.#child.kill("SIGSTOP");
    await delay(STOPPED_MS);
    this.#child.kill("SIGCONT");
  }

  async end(): Promise<void> {
    const gone = once(this.#child, "exit");
    this.tell({ kind: "stop" });
    assert.deepEqual(await gone, [0, null], "it ends well");
  }

  get isGone(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }
}

test("three orchestrators whose clocks differ, killed and stopped at random, lose nothing and commit nothing twice", async (t) => {
  const seed = Number(process.env.CRASH_SEED ?? Math.floor(Math.random() * 2 ** 31));
  t.diagnostic(`seed: CRASH_SEED=${seed}`);
  const random = randomOf(seed);
  const folder = await mkdtemp(join(tmpdir(), "heimdex-replicas-"));
  t.after(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  const [data, runs] = [join(folder, "data"), join(folder, "runs.log")];
  await mkdir(data);
  await using catalog = await SqliteCatalog.open(join(data, "catalog.sqlite"), { busyTimeoutMs: 60_000 });

  const wanted = new Map<string, string>();
  const accepted = new Map<string, string>();
  let moments = 0;
  const ports = await freePorts(SKEWS_MS.length);
  const replicas = SKEWS_MS.map(
    (skewMs, at) =>
      new Replica(data, ports[at] as number, skewMs, (message) => {
        moments++;
        if (message.kind !== "answer") return;
        if (message.job === undefined) return; // asked again below
        accepted.set(message.request, message.job);
        wanted.delete(message.request);
      }),
  );
  t.after(() => Promise.all(replicas.map((replica) => (replica.isGone ? undefined : replica.kill()))));
  const any = () => replicas[Math.floor(random() * replicas.length)] as Replica;

  const workers = ["eyes", "ears"].map((service) =>
    spawn(process.execPath, [WORKER, service], {
      stdio: ["ignore", "inherit", "inherit"],
      env: {
        ...process.env,
        HEIMDEX_ORCHESTRATOR: `ipv4:${replicas.map(({ port }) => `127.0.0.1:${port}`).join(",")}`,
        HEIMDEX_SCRATCH: join(folder, `scratch-${service}`),
        HEIMDEX_LOG_LEVEL: process.env.HEIMDEX_LOG_LEVEL ?? "silent",
        CRASH_RUNS: runs,
      },
    }),
  );
  t.after(() => workers.map((worker) => worker.kill("SIGKILL")));

  const until = async (isSo: () => boolean, what: string) => {
    for (const giveUpMs = performance.now() + PATIENCE_MS; !isSo(); await delay(10))
      assert.ok(performance.now() < giveUpMs, `waited ${PATIENCE_MS} ms until ${what}`);
  };
  /** Asks whoever serves for all that nobody has answered yet. */
  const ask = () => {
    for (const [request, uri] of wanted)
      for (const replica of replicas) if (replica.isServing) replica.tell({ kind: "create", request, uri });
  };
  await until(() => replicas.every(({ isServing }) => isServing), "all serve");
  let films = 0;
  const done = { killed: 0, stopped: 0 };
  const frozen = new Set<Promise<void>>();
  for (let round = 0; round < ROUNDS; round++) {
    for (let n = 0; n < FILMS_A_ROUND; n++) {
      const path = join(folder, `film ${films}.json`);
      await writeFile(path, film(films));
      wanted.set(`film-${films++}`, pathToFileURL(path).href);
    }
    ask();
    const enough = moments + 1 + Math.floor(random() ** 2 * 40);
    const quiet = performance.now() + 500;
    await until(() => moments >= enough || performance.now() > quiet, "something happens");
    if (random() < 0.6) {
      await any().restart();
      done.killed++;
    } else {
      const thaw = any().freeze();
      frozen.add(thaw);
      done.stopped++;
      if (random() < 0.5) await thaw;
    }
  }
  await Promise.all(frozen);
  const asking = setInterval(ask, 1_000);
  await until(() => wanted.size === 0, "all jobs are accepted");
  clearInterval(asking);
  t.diagnostic(`${films} jobs; killed ${done.killed} times, stopped ${done.stopped} times`);
  assert.equal(accepted.size, films);
  await untilDone(catalog);
  for (const worker of workers) {
    const gone = once(worker, "exit");
    worker.kill("SIGTERM");
    await gone;
  }
  await Promise.all(replicas.map((replica) => replica.end()));
  await assertWhole(catalog, { data, jobs: [...accepted.values()], runs, oneWriter: false });
});
