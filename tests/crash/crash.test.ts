import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import { FolderBlobs } from "@heimdex/adapters-folder";
import { LanceMomentIndex } from "@heimdex/adapters-lancedb";
import { SqliteCatalog } from "@heimdex/adapters-sqlite";
import type { AssetRecord, CacheEntry, Job } from "@heimdex/kernel";
import type { Catalog, Document } from "@heimdex/ports";
import { ANALYZER_ID, analyze } from "@heimdex/search";
import { checkSidecar, type KeyframeItem, type Sidecar, type TranscriptItem } from "@heimdex/sidecar";
import { film, PICTURES, pictureOf, sha256, wordsOf } from "./films.ts";
import type { FromHost, ToHost } from "./host.fixture.ts";
import { randomOf } from "./random.ts";

const HOST = fileURLToPath(new URL("./host.fixture.ts", import.meta.url));
const TENANT = "default";
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

async function all<B>(catalog: Catalog, collection: "assets" | "cache" | "jobs" | "sessions"): Promise<Document<B>[]> {
  const found = await catalog.find<B>({ collection, limit: 1000 });
  assert.ok(found.length < 1000);
  return found;
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

  await using stack = new AsyncDisposableStack();
  const catalog = stack.use(await SqliteCatalog.open(join(folder, "data", "catalog.sqlite")));
  const waiting = async () =>
    (await catalog.count("jobs", "active")) +
    (await catalog.count("jobs", "unsettled")) +
    (await catalog.count("assets", "indexing"));
  for (const giveUpMs = Date.now() + PATIENCE_MS; (await waiting()) > 0; await delay(20))
    assert.ok(Date.now() < giveUpMs, `${await waiting()} jobs and assets are still waiting`);
  await host.stop();
  await host.until(() => [...host.pids].every((pid) => !isAlive(pid)), "every process has ended");

  const jobs = await all<Job>(catalog, "jobs");
  assert.deepEqual(new Set(jobs.map(({ id }) => id)), new Set(host.accepted.values()), "each accepted job once");
  for (const { body } of jobs) assert.deepEqual([body.state, body.reason, body.settled], ["SUCCEEDED", "", true]);
  assert.equal(await catalog.count("jobs", "leased"), 0);

  const steps = jobs.flatMap(({ body }) => body.steps);
  assert.equal(steps.length, films * 4);
  for (const { stage, state, lease, ending, key } of steps) {
    assert.equal(state, "OK", `${stage} ran: its key is its film's alone`);
    assert.equal(lease, undefined);
    assert.equal(ending?.said, "COMPLETED");
    assert.notEqual(key, "");
  }
  const cache = await all<CacheEntry>(catalog, "cache");
  assert.deepEqual(cache.map(({ id }) => id).sort(), steps.map(({ key }) => key).sort());
  for (const { id, version } of cache) assert.equal(version, 1, `${id} was committed once`);
  const begun = new Set((await readFile(host.runs, "utf8")).trim().split("\n"));
  for (const { body } of jobs)
    for (const { stage, epoch } of body.steps)
      assert.ok(
        begun.has(JSON.stringify({ stage, asset: body.asset, attempt: epoch })),
        "the attempt that counts was made",
      );

  const blobs = stack.use(await FolderBlobs.open(join(folder, "data", "blobs")));
  const index = stack.use(
    await LanceMomentIndex.open(join(folder, "data", "index"), { analyze, analyzerId: ANALYZER_ID }),
  );
  const filter = { tenant: TENANT };
  const rows = await index.searchText("spoken", analyze("survivor"), filter, 1000);
  assert.equal(rows.length, films, "one moment of each film");
  assert.equal((await blobs.usage(TENANT)).uploads, 0, "no upload is left behind");
  const assets = await all<AssetRecord>(catalog, "assets");
  assert.equal(assets.length, films);
  for (const { body: asset } of assets) {
    const n = Number(/film (\d+)\.json/.exec(asset.title)?.[1]);
    assert.equal(asset.fingerprint, sha256(film(n)));
    assert.deepEqual([asset.sidecarRevision, asset.indexedRevision], [1, 1]);
    const names = await blobs.listNamed(TENANT, `sidecars/${asset.id}/`, undefined, 10);
    assert.deepEqual(names, [`sidecars/${asset.id}/1.json`]);
    const sidecar = JSON.parse(
      Buffer.from((await blobs.getNamed(TENANT, names[0] as string)) as Uint8Array).toString(),
    ) as Sidecar;
    assert.deepEqual(checkSidecar(sidecar), []);
    const items = (kind: string) =>
      sidecar.layers.filter((layer) => layer.kind === kind).flatMap((layer) => layer.items);
    assert.deepEqual(
      (items("transcript") as TranscriptItem[]).map(({ text }) => text),
      wordsOf(n),
    );
    const pictures = Array.from({ length: PICTURES }, (_, at) => pictureOf(asset.fingerprint, at));
    assert.deepEqual(
      (items("keyframes") as KeyframeItem[]).map(({ image }) => image.sha256),
      pictures.map(sha256),
    );
    for (const picture of pictures)
      assert.ok(await blobs.has({ tenant: TENANT, sha256: sha256(picture), size: picture.byteLength }));
    const own = rows.filter(({ row }) => row.asset === asset.id);
    assert.deepEqual(
      own.map(({ row }) => [row.revision, row.spoken]),
      [[1, wordsOf(n).join("\n")]],
    );
    const found = await index.searchText("spoken", analyze(wordsOf(n)[1] as string), filter, 10);
    assert.deepEqual(
      found.map(({ row }) => row.asset),
      [asset.id],
    );
  }
});
