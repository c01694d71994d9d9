import assert from "node:assert/strict";
import { dirname } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { mapBounded } from "./bounded.ts";
import { manifest } from "./testing/raw-worker.ts";
import { watchJobs } from "./testing/watch-jobs.ts";
import { World } from "./testing/world.ts";

const FILES = 2_000;
/** More than the jobs that are remembered and those that are taken in, and far fewer than there are. */
const MOST_KEPT = 800;

interface Page {
  readonly sources?: readonly { readonly uri: string }[];
  readonly nextPageToken?: string;
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
  const ready = () => world.ports.catalog.count("jobs", "ready");
  const moreThan = async (before: number) => {
    const now = await ready();
    return now > before ? now : undefined;
  };
  // All are planned, and wait for a worker.
  for (let planned = 0; planned < FILES; ) {
    const before = planned;
    planned = await world.until(() => moreThan(before), `more than ${before} are planned`);
  }
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
