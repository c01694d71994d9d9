import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import { FolderBlobs } from "@heimdex/adapters-folder";
import { SqliteCatalog } from "@heimdex/adapters-sqlite";
import { HeimdexError } from "@heimdex/errors";
import {
  type AssetRecord,
  type Job,
  jobEnded,
  type SessionRecord,
  type SpanData,
  type SpanRecord,
  type Step,
} from "@heimdex/kernel";
import type { Blobs, Catalog, Document } from "@heimdex/ports";
import type { Sidecar } from "@heimdex/sidecar";
import type { FromHost, HostSettings, ToHost } from "./host.fixture.ts";
import type { Film } from "./worker.fixture.ts";

const HOST = fileURLToPath(new URL("./host.fixture.ts", import.meta.url));
const PATIENCE_MS = 60_000;
const LOOK_AGAIN_MS = 10;
export const TENANT = "default";
/** For leases that must not expire in a test, however slow the machine is. */
export const LONG_LEASES = { acceptWithinMs: 60_000, leaseTtlMs: 60_000 } as const;

/** An orchestrator in a process of its own, its folder, and a look at what it has written. */
export class Host implements AsyncDisposable {
  readonly catalog: Catalog;
  readonly blobs: Blobs;
  readonly #folder: string;
  readonly #cleanup: AsyncDisposableStack;
  readonly #answers = new Map<number, PromiseWithResolvers<unknown>>();
  #settings: HostSettings;
  #child: ChildProcess | undefined;
  #address = "127.0.0.1:0";
  #commands = 0;

  private constructor(
    folder: string,
    settings: HostSettings,
    parts: { catalog: Catalog; blobs: Blobs },
    cleanup: AsyncDisposableStack,
  ) {
    this.#folder = folder;
    this.#settings = settings;
    this.catalog = parts.catalog;
    this.blobs = parts.blobs;
    this.#cleanup = cleanup;
  }

  /** Starts one for the length of a test. */
  static async start(t: TestContext, settings: HostSettings = {}): Promise<Host> {
    const folder = await mkdtemp(join(tmpdir(), "heimdex-faults-"));
    const cleanup = new AsyncDisposableStack();
    cleanup.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
    await mkdir(join(folder, "films"));
    const catalog = cleanup.use(await SqliteCatalog.open(join(folder, "catalog.sqlite")));
    const blobs = cleanup.use(await FolderBlobs.open(join(folder, "blobs")));
    const host = new Host(folder, settings, { catalog, blobs }, cleanup);
    t.after(() => host[Symbol.asyncDispose]());
    await host.up();
    return host;
  }

  /** Where workers dial; the same at every start. */
  get address(): string {
    return this.#address;
  }
  get port(): number {
    return Number(this.#address.split(":").at(-1));
  }

  /** Starts the process again, with settings changed as said. */
  async up(settings: HostSettings = {}): Promise<void> {
    this.#settings = { ...this.#settings, ...settings };
    const child = fork(HOST, [this.#folder], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
      env: {
        ...process.env,
        FAULT_HOST: JSON.stringify({ ...this.#settings, workerAddress: this.#address }),
      },
    });
    this.#child = child;
    const serving = Promise.withResolvers<void>();
    child.once("exit", () => serving.reject(new Error("the orchestrator ended before it served")));
    child.on("message", (message: FromHost) => {
      if (message.kind === "answer") {
        const waiting = this.#answers.get(message.id);
        this.#answers.delete(message.id);
        if (message.error === undefined) waiting?.resolve(message.result);
        else waiting?.reject(HeimdexError.fromJSON(message.error));
        return;
      }
      this.#address = message.address;
      serving.resolve();
    });
    await serving.promise;
  }

  /** Resolves when the process has ended. */
  async down(): Promise<void> {
    const child = this.#child;
    if (child !== undefined && child.exitCode === null && child.signalCode === null) await once(child, "exit");
  }

  /** Ends the process at once, as a power cut does. */
  async kill(): Promise<void> {
    this.#child?.kill("SIGKILL");
    await this.down();
  }

  /** A command of the public API as the gateway passes it on. */
  command<R>(method: string, request: unknown): Promise<R> {
    const id = ++this.#commands;
    const answer = Promise.withResolvers<unknown>();
    this.#answers.set(id, answer);
    this.#child?.send({ id, method, request } satisfies ToHost);
    return answer.promise as Promise<R>;
  }

  /** Writes a film and has it indexed; says the job. */
  async index(film: Film): Promise<string> {
    const path = join(this.#folder, "films", `${film.name}.json`);
    await writeFile(path, JSON.stringify(film));
    return this.create(film.name, pathToFileURL(path).href);
  }

  /** @param requestId the same one brings the same job: a command whose answer was lost can be repeated */
  async create(requestId: string, sourceUri: string): Promise<string> {
    const request = { source_uri: sourceUri, request_id: requestId };
    return (await this.command<{ job: string }>("JobService.CreateJob", request)).job;
  }

  async job(id: string): Promise<Job> {
    const stored = await this.catalog.get<Job>("jobs", id);
    assert.ok(stored, `there is no job ${id}`);
    return stored.body;
  }

  /** The first step of a job, whatever its stage: these tests have one. */
  async step(job: string): Promise<Step | undefined> {
    return (await this.job(job)).steps[0];
  }

  /** Waits until `look` finds something. */
  async until<R>(look: () => Promise<R | undefined | false> | R | undefined | false, what: string): Promise<R> {
    for (const giveUpMs = performance.now() + PATIENCE_MS; performance.now() < giveUpMs; ) {
      const found = await look();
      if (found !== undefined && found !== false) return found;
      await delay(LOOK_AGAIN_MS);
    }
    assert.fail(`waited ${PATIENCE_MS} ms until ${what}`);
  }

  /** Waits until a job's first step is as `wanted` says. */
  untilStep(job: string, wanted: (step: Step) => boolean, what: string): Promise<Step> {
    return this.until(async () => {
      const step = await this.step(job);
      return step !== undefined && wanted(step) ? step : undefined;
    }, what);
  }

  /** Waits until a lease has been renewed. */
  untilRenewed(lease: string): Promise<true> {
    return this.until(
      async () => (await this.sessions()).some(({ renewals }) => lease in renewals),
      `lease ${lease} is renewed`,
    ) as Promise<true>;
  }

  /** Waits until so many sessions offer a stage. */
  untilServed(stage: string, workers = 1): Promise<true> {
    return this.until(
      async () =>
        (await this.sessions()).filter(({ stages }) => stages.some((offer) => offer.stage === stage)).length >= workers,
      `${workers} workers serve ${stage}`,
    ) as Promise<true>;
  }

  async sessions(): Promise<SessionRecord[]> {
    return (await this.all<SessionRecord>("sessions")).map(({ body }) => body);
  }

  settled(job: string): Promise<Job> {
    return this.until(async () => {
      const now = (await this.catalog.get<Job>("jobs", job))?.body;
      return now !== undefined && jobEnded(now.state) && now.settled ? now : undefined;
    }, `job ${job} settles`);
  }

  async all<B>(collection: "assets" | "cache" | "jobs" | "sessions"): Promise<Document<B>[]> {
    const found = await this.catalog.find<B>({ collection, limit: 1_000 });
    assert.ok(found.length < 1_000);
    return found;
  }

  /** Stored spans of a job. */
  async spans(job: string): Promise<SpanData[]> {
    const found = await this.catalog.find<SpanRecord>({ collection: "spans", term: `job:${job}`, limit: 1_000 });
    return found.flatMap(({ body }) => body.spans);
  }

  /** The newest sidecar of an asset. */
  async sidecar(asset: string): Promise<Sidecar> {
    const stored = await this.catalog.get<AssetRecord>("assets", asset);
    assert.ok(stored, `there is no asset ${asset}`);
    const name = `sidecars/${asset}/${stored.body.sidecarRevision}.json`;
    const bytes = await this.blobs.getNamed(TENANT, name);
    assert.ok(bytes, `there is no ${name}`);
    return JSON.parse(Buffer.from(bytes).toString()) as Sidecar;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await this.#cleanup.disposeAsync();
  }
}
