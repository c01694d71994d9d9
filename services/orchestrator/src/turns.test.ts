import assert from "node:assert/strict";
import { test } from "node:test";
import { type Job, newJob } from "@heimdex/kernel";
import { jobSort, jobTerms } from "./job-document.ts";
import { json, manifest } from "./testing/raw-worker.ts";
import { TENANT, World } from "./testing/world.ts";

test("a small batch that comes after a huge one goes side by side with it, and neither starves", async (t) => {
  const world = await World.open(t);
  const worker = await world.worker();
  await worker.register(manifest("made.one"));
  let films = 0;
  const submit = async (batch: string, count: number) => {
    const created: string[] = [];
    for (let n = 0; n < count; n++)
      created.push(await world.create(await world.file(`${films}.bin`, `film ${films++}`), { batch }));
    for (const job of created) await world.untilJob(job, ({ state }) => state === "RUNNING", "is planned");
    return created;
  };
  const next = async () => {
    const lease = await worker.lease();
    await worker.complete(lease, [json("out", 1)]);
    return lease.job;
  };
  const big = await submit("big", 20);
  for (let n = 0; n < 5; n++) assert.equal(await next(), big[n], "alone it goes in order");
  const held = await worker.lease();
  const small = await submit("small", 3);
  const order: string[] = [];
  for (let n = 0; n < 6; n++) order.push(await next());
  assert.deepEqual(
    order.filter((job) => small.includes(job)),
    small,
  );
  const ahead = order.indexOf(small[2] as string);
  assert.ok(ahead <= 5, `the last of the small batch came as number ${ahead + 1}`);
  assert.ok(
    order.slice(0, ahead).some((job) => big.includes(job)),
    "the big one goes on meanwhile",
  );
  await worker.complete(held, [json("out", 1)]);
  const urgent = await world.create(await world.file("urgent.bin", "urgent"), { batch: "big", priority: 5 });
  await world.untilJob(urgent, ({ state }) => state === "RUNNING", "is planned");
  assert.equal(await next(), urgent, "priority goes before all turns");
});

test("a batch's name is bounded", async (t) => {
  const world = await World.open(t);
  const uri = await world.file("a.bin", "a");
  await assert.rejects(world.create(uri, { batch: "b".repeat(65) }), /batch: at most 64 characters/);
  await world.create(uri, { batch: "b".repeat(64) });
});

test("more jobs than are kept in memory are all taken in, in the order of their turns", async (t) => {
  const world = await World.open(t);
  await world.stop();
  const jobs = Array.from({ length: 700 }, (_, n): Job => {
    const id = `j_${n.toString(16).padStart(4, "0")}`;
    return newJob({ id, tenant: TENANT, sourceUri: `file:///nowhere/${n}.mp4`, turn: 699 - n, createdAtMs: 1 });
  });
  await world.ports.catalog.write(
    jobs.map((job) => {
      const common = { terms: jobTerms(job), sort: jobSort(job), body: job };
      return { op: "insert", collection: "jobs", id: job.id, ...common } as const;
    }),
  );
  await world.start();
  await world.until(
    async () =>
      (await world.ports.catalog.count("jobs", `tenant:${TENANT}`)) === 700 &&
      (await world.ports.catalog.count("jobs", "active")) === 0
        ? true
        : undefined,
    "all are taken in",
  );
  const ended = (await world.all<Job>("jobs")).map(({ body }) => body);
  for (const { reason } of ended) assert.match(reason, /^SOURCE_NOT_FOUND/);
  const order = ended.toSorted((a, b) => a.endedAtMs - b.endedAtMs).map(({ turn }) => turn ?? 0);
  const firsts = order.slice(0, 350);
  assert.ok(Math.max(...firsts) < 512, "those of the last turns came last");
});
