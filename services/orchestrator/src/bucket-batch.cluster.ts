import assert from "node:assert/strict";
import { after, test } from "node:test";
import { sourcesConfig } from "@heimdex/sources";
import { startMinio } from "@heimdex/testing-servers";
import { Client } from "minio";
import { mapBounded } from "./bounded.ts";
import { json, manifest } from "./testing/raw-worker.ts";
import { watchJobs } from "./testing/watch-jobs.ts";
import { World } from "./testing/world.ts";

const OBJECTS = 2_000;
/** More than the jobs that are remembered and those that are taken in, and far fewer than there are. */
const MOST_KEPT = 800;
const BUCKET = "rushes";

const server = await startMinio();
after(() => server[Symbol.asyncDispose]());

interface Page {
  readonly sources?: readonly { readonly uri: string }[];
  readonly leftOut?: readonly { readonly uri: string; readonly why: string }[];
  readonly nextPageToken?: string;
}

test("2,000 objects of a bucket are taken in without being kept in memory, and read where they lie", async (t) => {
  const { endpoint, accessKey, secretKey } = server;
  const { hostname, port } = new URL(endpoint);
  const client = new Client({ endPoint: hostname, port: Number(port), useSSL: false, accessKey, secretKey });
  await client.makeBucket(BUCKET);
  const keys = Array.from({ length: OBJECTS }, (_, n) => `day 1/${n}.mp4`);
  await mapBounded([...keys, "day 1/notes.txt"], 50, (key) => client.putObject(BUCKET, key, Buffer.from(key)));

  const s3 = JSON.stringify([{ bucket: BUCKET, endpoint, access_key: accessKey, secret_key: secretKey }]);
  let kept = async () => 0;
  const world = await World.open(t, { sources: sourcesConfig.parse({ s3 }) }, (ports) => {
    const { watched, kept: count } = watchJobs(ports.catalog);
    kept = count;
    return { ...ports, catalog: watched };
  });
  const worker = await world.worker();
  await worker.register(manifest("made.one"));
  const jobs = new Set<string>();
  const leftOut: string[] = [];
  for (let pageToken = ""; ; ) {
    const request = { uri: `s3://${BUCKET}/day 1/`, page_size: 500, page_token: pageToken };
    const page = await world.command<Page>("SourceService.ListSources", request);
    for (const job of await mapBounded(page.sources ?? [], 16, ({ uri }) => world.create(uri, { batch: "bucket" })))
      jobs.add(job);
    leftOut.push(...(page.leftOut ?? []).map(({ uri }) => uri));
    pageToken = page.nextPageToken ?? "";
    if (pageToken === "") break;
  }
  assert.deepEqual([jobs.size, leftOut], [OBJECTS, [`s3://${BUCKET}/day 1/notes.txt`]]);
  const ready = () => world.ports.catalog.count("jobs", "ready");
  const moreThan = async (before: number) => {
    const now = await ready();
    return now > before ? now : undefined;
  };
  // All are planned, and wait for a worker.
  for (let planned = 0; planned < OBJECTS; ) {
    const before = planned;
    planned = await world.until(() => moreThan(before), `more than ${before} are planned`);
  }
  assert.ok((await kept()) <= MOST_KEPT, `documents of ${await kept()} jobs are kept`);

  const lease = await worker.lease();
  const [input] = lease.inputs;
  const url = input?.content?.$case === "url" ? input.content.value : "";
  assert.match(await (await fetch(url)).text(), /^day 1\/\d+\.mp4$/);
  await client.putObject(BUCKET, `day 1/${lease.sourceName}`, Buffer.from("another film"));
  assert.equal((await fetch(url)).status, 409);
  const answer = await worker.complete(lease, [json("out", 1)]);
  assert.deepEqual([answer.result, answer.reason], ["REFUSED", "SOURCE_CHANGED"]);
});
