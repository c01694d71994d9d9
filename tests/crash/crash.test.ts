import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import { SqliteCatalog } from "@heimdex/adapters-sqlite";
import { film } from "./films.ts";
import type { FromHost, ToHost } from "./host.fixture.ts";
import { randomOf } from "./random.ts";
import { assertWhole, untilDone } from "./whole-archive.ts";

const HOST = fileURLToPath(new URL("./host.fixture.ts", import.meta.url));
const KILLS = 26;
/** On a slow machine fewer kills have to do: it stops when it has had so many and so long, ms. */
const LEAST_KILLS = 14;
const LONG_ENOUGH_MS = 30_000;
/** A host that serves and is silent so long has nothing to do, or waits for leases to expire. */
const IDLE_MS = 400;
/** Jobs that are asked for before the next kill, so that there is always something to hit. */
const JOBS_PER_KILL = 3;
const PATIENCE_MS = 60_000;

/** The host of a data folder, started again whenever it was killed. */
class HostUnderFire {
  readonly pids = new Set<number>();
  readonly accepted = new Map<string, string>();
  /** What happened since the last kill: phases of the start, and writes to jobs. */
  moments = 0;
  readonly #folder: string;
  readonly #wanted = new Map<string, string>();
  readonly #heard = new EventEmitter();
  readonly #workers = new Map<string, number>();
  #isServing = false;
  #child: ChildProcess;

  constructor(folder: string) {
    this.#folder = folder;
    this.#child = this.#start();
  }

  get runs(): string {
    return join(this.#folder, "runs.log");
  }

  #start(): ChildProcess {
    const child = fork(HOST, [join(this.#folder, "data"), this.runs], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    if (child.pid !== undefined) this.pids.add(child.pid);
    this.#workers.clear();
    this.#isServing = false;
    child.on("message", (message: FromHost) => this.#hear(message));
    return child;
  }

  #hear(message: FromHost): void {
    if (message.kind === "worker") {
      this.pids.add(message.pid);
      this.#workers.set(message.service, message.pid);
    } else if (message.kind === "answer") {
      assert.equal(message.error, undefined);
      this.accepted.set(message.request, message.job ?? "");
      this.#wanted.delete(message.request);
    } else if (message.kind === "phase" && message.phase === "serving") {
      this.#isServing = true;
      // What the one before was asked and did not answer is asked again, under the same request id.
      for (const [request, uri] of this.#wanted) this.#tell({ kind: "create", request, uri });
    }
    this.moments++;
    this.#heard.emit("moment");
  }

  #tell(message: ToHost): void {
    if (this.#child.connected) this.#child.send(message, () => undefined); // a host that dies meanwhile is told again when it serves
  }

  create(request: string, uri: string): void {
    this.#wanted.set(request, uri);
    this.#tell({ kind: "create", request, uri });
  }

  /** Waits for so many moments. A host that serves and has nothing more to do is not waited for. */
  async await(moments: number): Promise<void> {
    this.moments = 0;
    while (this.moments < moments) {
      const quiet = AbortSignal.timeout(this.#isServing ? IDLE_MS : PATIENCE_MS);
      try {
        await once(this.#heard, "moment", { signal: quiet });
      } catch (reason) {
        if (quiet.aborted && this.#isServing) return;
        throw reason;
      }
    }
  }

  async until(isSo: () => boolean, what: string): Promise<void> {
    for (const giveUpMs = Date.now() + PATIENCE_MS; !isSo(); ) {
      assert.ok(Date.now() < giveUpMs, `waited ${PATIENCE_MS} ms until ${what}`);
      await delay(10);
    }
  }

  get isAnswered(): boolean {
    return this.#wanted.size === 0;
  }

  /** Kills a stage service; its host starts it again. False when there is none just now. */
  killWorker(choice: number): boolean {
    const pids = [...this.#workers.values()];
    const pid = pids[Math.floor(choice * pids.length)];
    return pid !== undefined && kill(pid);
  }

  /** Kills the host, and starts another once it is gone. Its services end by themselves, or work on until they notice. */
  async killHost(): Promise<void> {
    const child = this.#child;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
    this.#child = this.#start();
  }

  /** Ends the host as a person does. */
  async stop(): Promise<void> {
    const gone = once(this.#child, "exit");
    this.#tell({ kind: "stop" });
    assert.deepEqual(await gone, [0, null], "the host ends well");
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await gone;
  }
}

function kill(pid: number): boolean {
  try {
    return process.kill(pid, "SIGKILL");
  } catch (reason) {
    if ((reason as NodeJS.ErrnoException).code === "ESRCH") return false;
    throw reason;
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (reason) {
    if ((reason as NodeJS.ErrnoException).code === "ESRCH") return false;
    throw reason;
  }
}

test("kill -9 of any process at any moment loses nothing and commits nothing twice", async (t) => {
  const seed = Number(process.env.CRASH_SEED ?? Math.floor(Math.random() * 2 ** 31));
  t.diagnostic(`seed: CRASH_SEED=${seed}`);
  const random = randomOf(seed);
  const folder = await mkdtemp(join(tmpdir(), "heimdex-crash-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await mkdir(join(folder, "data"));
  const host = new HostUnderFire(folder);
  t.after(() => host.end());
  const kills = { host: 0, worker: 0 };
  let films = 0;
  const beganMs = performance.now();
  for (let round = 0; round < KILLS; round++) {
    if (round >= LEAST_KILLS && performance.now() - beganMs > LONG_ENOUGH_MS) break;
    for (let job = 0; job < JOBS_PER_KILL; job++) {
      const path = join(folder, `film ${films}.json`);
      await writeFile(path, film(films));
      host.create(`film-${films++}`, pathToFileURL(path).href);
    }
    // Few moments hit the start, many the work.
    await host.await(1 + Math.floor(random() ** 2 * 60));
    const choice = random();
    if (random() < 0.6 && host.killWorker(choice)) {
      kills.worker++;
      continue;
    }
    if (random() < 0.3 && host.killWorker(choice)) kills.worker++; // both at once
    await host.killHost();
    kills.host++;
  }
  await host.until(() => host.isAnswered, "all jobs are accepted");
  assert.equal(host.accepted.size, films);
  t.diagnostic(`${films} jobs, ${kills.host} hosts and ${kills.worker} workers killed`);
  assert.ok(kills.host > 0 && kills.worker > 0, "both kinds were killed");

  await using catalog = await SqliteCatalog.open(join(folder, "data", "catalog.sqlite"));
  await untilDone(catalog);
  await host.stop();
  await host.until(() => [...host.pids].every((pid) => !isAlive(pid)), "every process has ended");
  await assertWhole(catalog, {
    data: join(folder, "data"),
    jobs: [...host.accepted.values()],
    runs: host.runs,
    oneWriter: true,
  });
});
