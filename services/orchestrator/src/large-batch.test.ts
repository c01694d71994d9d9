import assert from "node:assert/strict";
import { dirname } from "node:path";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Catalog } from "@heimdex/ports";
import { mapBounded } from "./bounded.ts";
import { manifest } from "./testing/raw-worker.ts";
import { World } from "./testing/world.ts";

const FILES = 2_000;
/** More than the jobs that are remembered and those that are taken in, and far fewer than there are. */
const MOST_KEPT = 800;

interface Page {
  readonly sources?: readonly { readonly uri: string }[];
  readonly nextPageToken?: string;
}

/** Notes each document of a job that goes into the catalog or comes out of it. `kept` says of how many jobs one is still referred to. */
function watchJobs(catalog: Catalog) {
  const seen: { readonly id: string; readonly body: WeakRef<object> }[] = [];
  const note = (id: string, body: unknown) => void seen.push({ id, body: new WeakRef(body as object) });
  const noted = <D extends { readonly id: string; readonly body: unknown } | undefined>(
    collection: string,
    found: D,
  ): D => {
    if (collection === "jobs" && found !== undefined) note(found.id, found.body);
    return found;
  };
  const watched = new Proxy(catalog, {
    get(target, name) {
      const calls: Partial<Catalog> = {
        get: async (collection, id) => noted(collection, await target.get(collection, id)),
        getMany: async (collection, ids) =>
          (await target.getMany(collection, ids)).map((found) => noted(collection, found)) as never,
        find: async (query) => (await target.find(query)).map((found) => noted(query.collection, found)) as never,
        write: (ops) => {
          for (const op of ops) if (op.collection === "jobs" && op.op !== "delete") note(op.id, op.body);
          return target.write(ops);
        },
      };
      const own = calls[name as keyof Catalog] ?? target[name as keyof Catalog];
      return typeof own === "function" ? own.bind(target) : own;
    },
  });
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const kept = async () => {
    await turn(); // what a weak reference was asked for stays until the turn's end
    collect();
    return new Set(seen.filter(({ body }) => body.deref() !== undefined).map(({ id }) => id)).size;
  };
  return { watched, kept };
}

test("a batch of 2,000 files is taken in without being kept in memory, and a small one that comes later does not wait for its end", async (t) => {
  let kept = async () => 0;
  const world = await World.open(t, {}, (ports) => {
    const { watched, kept: count } = watchJobs(ports.catalog);
    kept = count;
    return { ...ports, catalog: watched };
  });
  const worker = await world.worker();
  await worker.register(manifest("made.one"));
  for (let n = 0; n < FILES; n++) await world.file(`big/${n}.mp4`, String(n));
  const uri = `${pathToFileURL(dirname(world.path("big/0.mp4"))).href}/`;
  const big = new Set<string>();
  for (let pageToken = ""; ; ) {
    const page = await world.command<Page>("SourceService.ListSources", { uri, page_size: 500, page_token: pageToken });
    const made = await mapBounded(page.sources ?? [], 16, ({ uri: film }) => world.create(film, { batch: "big" }));
    for (const job of made) big.add(job);
    pageToken = page.nextPageToken ?? "";
    if (pageToken === "") break;
  }
  assert.equal(big.size, FILES);
  const isTakenIn = async () => ((await world.ports.catalog.count("jobs", "ready")) === FILES ? true : undefined);
  await world.until(isTakenIn, "all are planned, and wait for a worker");
  assert.ok((await kept()) <= MOST_KEPT, `documents of ${await kept()} jobs are kept`);

  const held = await worker.lease();
  const late = await world.create(await world.file("late.mp4", "late"), { batch: "small" });
  await world.untilJob(late, ({ state }) => state === "RUNNING", "is planned");
  const next: string[] = [];
  // Jobs that were asked for at once, 16 here, may have one turn.
  while (next.length < 20) next.push((await worker.lease()).job);
  assert.ok(next.includes(late), "the small batch is among the next");
  assert.ok(
    next.some((job) => big.has(job)),
    "and the large one goes on",
  );
  assert.notEqual(held.job, late);
});
