import { execFile } from "node:child_process";
import { chmod, copyFile, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { JobServiceDefinition } from "@heimdex/contracts/v1/job";
import { SearchServiceDefinition } from "@heimdex/contracts/v1/search";
import { ComposeCluster, docker } from "@heimdex/testing-servers";
import { ClientError, createChannel, createClient, Metadata, Status } from "nice-grpc";
import type { Benchmark, Figure } from "../common/benchmark.ts";
import { summarise } from "../common/statistics.ts";

const run = promisify(execFile);
/** What is written in the film, and searched for. */
const WORD = "lighthouse";
const WITHIN_MS = 10 * 60_000;
const LOOK_EVERY_MS = 100;
/** Jobs are queued for so long at most: a catalog that is slow has fewer of them then, and the result says how many. */
const QUEUE_FOR_MS = 3_600_000;
/** Calls that queue jobs, side by side. */
const QUEUING = 4;
/** How long a call may take: a catalog that reads whole tables takes seconds when much waits. */
const CALL_MS = 60_000;
/** What waiting does not mend. */
const REFUSED: readonly Status[] = [
  Status.INVALID_ARGUMENT,
  Status.NOT_FOUND,
  Status.PERMISSION_DENIED,
  Status.UNAUTHENTICATED,
];
/** Kinds of containers of which one is killed; orchestrators are told apart by who has the upkeep. */
const KINDS = ["mongo", "minio", "nats", "gateway", "stage-media", "stage-asr", "stage-vision", "stage-embed"] as const;

/** The compose cluster as a user has it: until something is found, what it takes of memory, and how long it is away when a container is killed. */
export const clusterServices: Benchmark = {
  name: "cluster-services",
  title: "deploy/compose with images present: time to the first moment found, recovery from kill -9, memory by service",
  async run({ smoke, folder, say }) {
    const films = join(folder, "films");
    await mkdir(films);
    await chmod(folder, 0o755); // containers read it as another user
    const film = await makeFilm(films);
    const most = smoke ? 10 : 2_000;
    const began = performance.now();
    await using cluster = await ComposeCluster.up({ films });
    const upMs = performance.now() - began;
    say(`healthy after ${(upMs / 1000).toFixed(1)} s`);
    await using api = await Api.open(cluster);
    await api.index(film);
    await api.found(WORD);
    const figures: Figure[] = [
      { name: "compose up until all is healthy", unit: "s", value: upMs / 1000 },
      { name: "compose up until the first moment is found", unit: "s", value: (performance.now() - began) / 1000 },
    ];
    const atRest = await memoryOf(cluster);

    const undisturbed: number[] = [];
    for (let at = 0; at < (smoke ? 1 : 5); at++)
      undisturbed.push(await api.timed(await another(film, films, `plain-${at}`)));
    const usual = summarise(undisturbed);
    figures.push({ name: "a job, nothing killed", unit: "s", value: usual.median / 1000 });
    const killed = async (what: string, id: string) => {
      const next = await another(film, films, `after-${what.replaceAll(" ", "-")}`);
      await docker(["kill", id]);
      await docker(["start", id]);
      const ms = await api.timed(next);
      say(`${what} killed and started again: a job takes ${(ms / 1000).toFixed(1)} s`);
      figures.push({ name: `a job, ${what} killed and started again`, unit: "s", value: ms / 1000 });
    };
    for (const kind of smoke ? KINDS.slice(0, 1) : KINDS) {
      const [container] = (await cluster.containers()).filter(({ service }) => service === kind);
      if (container === undefined) throw new Error(`there is no ${kind}`);
      await killed(kind, container.id);
    }
    if (!smoke) {
      const [holder, other] = await orchestratorsOf(cluster);
      await killed("the orchestrator without the upkeep", other);
      await killed("the orchestrator with the upkeep", holder);
    }

    await cluster.compose("stop", ...KINDS.filter((kind) => kind.startsWith("stage-")));
    const untilMs = performance.now() + QUEUE_FOR_MS;
    let queued = 0;
    await Promise.all(
      Array.from({ length: QUEUING }, async () => {
        while (queued < most && performance.now() < untilMs) {
          const name = `queued-${queued++}.bin`;
          await writeFile(join(films, name), `${name} of ${began}\n`);
          await api.create(name);
        }
      }),
    );
    say(`${queued} jobs wait`);
    const busy = await memoryOf(cluster);
    for (const [service, mib] of [...atRest].sort()) {
      figures.push({ name: `memory of ${service} at rest`, unit: "MiB", value: mib });
      const then = busy.get(service);
      if (then !== undefined)
        figures.push({ name: `memory of ${service}, ${queued} jobs waiting`, unit: "MiB", value: then });
    }
    return { figures, conditions: { orchestrators: 2, queued_jobs: queued } };
  },
};

/** Ids of the two orchestrators, the one that has the upkeep first. */
async function orchestratorsOf(cluster: ComposeCluster): Promise<[string, string]> {
  const orchestrators = (await cluster.containers()).filter(({ service }) => service.startsWith("orchestrator"));
  const taken = await Promise.all(
    orchestrators.map(async ({ id, service }) => {
      const lines = (await cluster.compose("logs", "--timestamps", "--no-log-prefix", service)).split("\n");
      return { id, at: lines.findLast((line) => line.includes("this replica does the upkeep")) ?? "" };
    }),
  );
  const [holder, other] = taken.sort((a, b) => (a.at > b.at ? -1 : 1));
  if (holder === undefined || other === undefined) throw new Error("there are no two orchestrators");
  return [holder.id, other.id];
}

/** A second of film with a word in it. */
async function makeFilm(films: string): Promise<string> {
  const name = "film.mkv";
  const text = `drawtext=text=${WORD}:fontsize=40:fontcolor=white:x=40:y=100`;
  const picture = `color=c=navy:size=640x240:rate=10:duration=1,${text}`;
  const codecs = ["-c:v", "mjpeg", "-q:v", "3"];
  await run("ffmpeg", ["-v", "error", "-nostdin", "-f", "lavfi", "-i", picture, ...codecs, join(films, name)]);
  return name;
}

/** A copy that is a film of its own: bytes behind a film's end are not looked at, but are part of its digest. */
async function another(film: string, films: string, title: string): Promise<string> {
  const name = `${title}.mkv`;
  await copyFile(join(films, film), join(films, name));
  await writeFile(join(films, name), title, { flag: "a" });
  return name;
}

/** Memory in use by service, MiB; of several containers of one service the largest. */
async function memoryOf(cluster: ComposeCluster): Promise<Map<string, number>> {
  const memory = new Map<string, number>();
  for (const { id, service } of await cluster.containers()) {
    const used = (await docker(["stats", "--no-stream", "--format", "{{.MemUsage}}", id])).trim().split(" / ")[0] ?? "";
    const [, value = "0", unit = "B"] = /^([\d.]+)(\w+)$/.exec(used) ?? [];
    const mib = Number(value) * ({ B: 2 ** -20, KiB: 2 ** -10, MiB: 1, GiB: 2 ** 10 }[unit] ?? Number.NaN);
    if (mib > 0) memory.set(service, Math.max(mib, memory.get(service) ?? 0));
  }
  return memory;
}

/** The published gRPC port; asks again for as long as nobody answers. */
class Api implements AsyncDisposable {
  readonly #channel;
  readonly #jobs;
  readonly #search;
  readonly #key: string;

  private constructor(address: string, key: string) {
    this.#channel = createChannel(address, undefined, { "grpc.enable_http_proxy": 0 });
    this.#jobs = createClient(JobServiceDefinition, this.#channel);
    this.#search = createClient(SearchServiceDefinition, this.#channel);
    this.#key = key;
  }

  static async open(cluster: ComposeCluster): Promise<Api> {
    return new Api(cluster.api, await cluster.secret("admin-key"));
  }

  async create(name: string): Promise<string> {
    const sourceUri = `file:///films/${encodeURIComponent(name)}`;
    const { job } = await this.#ask((options) =>
      this.#jobs.createJob({ sourceUri, requestId: name.slice(0, 64) }, options),
    );
    return job;
  }

  /** Until what came of it can be found. */
  async index(name: string): Promise<void> {
    const job = await this.create(name);
    for (;;) {
      const { searchable, endTime, state, reason } = await this.#ask((options) => this.#jobs.getJob({ job }, options));
      if (endTime !== undefined && state !== "SUCCEEDED") throw new Error(`${name} ended ${state}: ${reason}`);
      if (searchable) return;
      await delay(LOOK_EVERY_MS);
    }
  }

  async timed(name: string): Promise<number> {
    const began = performance.now();
    await this.index(name);
    return performance.now() - began;
  }

  async found(query: string): Promise<void> {
    for (;;) {
      const { results } = await this.#ask((options) => this.#search.search({ query }, options));
      if (results.length > 0) return;
      await delay(LOOK_EVERY_MS);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#channel.close();
  }

  async #ask<T>(call: (options: { metadata: Metadata; signal: AbortSignal }) => Promise<T>): Promise<T> {
    const metadata = Metadata({ authorization: `Bearer ${this.#key}` });
    for (const untilMs = performance.now() + WITHIN_MS; ; await delay(LOOK_EVERY_MS)) {
      try {
        return await call({ metadata, signal: AbortSignal.timeout(CALL_MS) });
      } catch (reason) {
        const isRefused = reason instanceof ClientError && REFUSED.includes(reason.code);
        if (isRefused || performance.now() > untilMs) throw reason;
      }
    }
  }
}
