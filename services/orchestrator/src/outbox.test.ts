import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { HeimdexError } from "@heimdex/errors";
import type { ArchiveEvent, EventLog } from "@heimdex/ports";
import { withId } from "@heimdex/ports/conformance";
import { film, listen, probe } from "./testing/stages.ts";
import { TENANT, World } from "./testing/world.ts";

/** A log in memory that may be away. */
class Told implements EventLog {
  readonly events: ArchiveEvent[] = [];
  isAway = false;
  /** Whether those who append hear that it was stored. */
  isHeard = true;
  /** Called with each event before it is stored. */
  before: (event: ArchiveEvent) => Promise<void> = async () => {};

  async prepare(): Promise<void> {
    if (this.isAway) throw new HeimdexError("BUS_UNAVAILABLE", "the log does not answer");
  }

  async append(event: ArchiveEvent): Promise<void> {
    await this.before(event);
    if (!this.isAway) this.events.push(event);
    if (this.isAway || !this.isHeard) throw new HeimdexError("BUS_UNAVAILABLE", "the log does not answer");
  }

  of(subject: string): string[] {
    return this.events.filter((event) => event.subject === subject).map(({ type }) => type);
  }
}

async function open(t: TestContext) {
  const told = new Told();
  const world = await World.open(t, {}, (ports) => ({ ...ports, events: told }));
  await world.serve([probe(), listen()]);
  let films = 0;
  const uri = () => world.file(`${films}.json`, film({ said: [{ at: 0, text: "ferry" }], salt: `${films++}` }));
  return { told, world, uri };
}

test("the log is told that a job has ended and that its asset can be found, each once and after it is so", async (t) => {
  const { told, world, uri } = await open(t);
  const before: unknown[] = [];
  told.before = async ({ type, subject }) => {
    if (type === "heimdex.job.ended") before.push((await world.job(subject)).settled);
    else before.push((await world.asset(subject)).indexedRevision);
  };
  const source = await uri();
  const job = await world.index(source);
  const asset = await world.indexed(job.asset);
  await world.allTold();
  assert.deepEqual(before, [true, 1]);
  const [ended, indexed, ...more] = told.events;
  assert.deepEqual(more, []);
  const common = { specversion: "1.0", source: `/tenants/${TENANT}`, datacontenttype: "application/json" };
  const { id: _, time, ...rest } = ended as ArchiveEvent;
  assert.ok(Date.parse(time) >= job.endedAtMs);
  assert.deepEqual(rest, {
    ...common,
    type: "heimdex.job.ended",
    subject: job.id,
    data: {
      tenant: TENANT,
      job: job.id,
      asset: asset.id,
      source_uri: source,
      state: "SUCCEEDED",
      reason: "",
      sidecar_revision: 1,
    },
  });
  const { id: __, time: ___, ...found } = indexed as ArchiveEvent;
  assert.deepEqual(found, {
    ...common,
    type: "heimdex.asset.indexed",
    subject: asset.id,
    data: {
      tenant: TENANT,
      asset: asset.id,
      title: "0.json",
      duration_ms: 10_000,
      source_uris: [source],
      job: job.id,
      sidecar_revision: 1,
    },
  });
});

test("a job that fails is told of with its reason", async (t) => {
  const { told, world } = await open(t);
  const { id, state, reason } = await world.index("file:///nowhere/at-all.mkv");
  await world.allTold();
  assert.equal(state, "FAILED");
  assert.deepEqual(
    told.events.map(({ type, data }) => [type, data]),
    [
      [
        "heimdex.job.ended",
        {
          tenant: TENANT,
          job: id,
          asset: "",
          source_uri: "file:///nowhere/at-all.mkv",
          state,
          reason,
          sidecar_revision: 0,
        },
      ],
    ],
  );
});

test("while the log is away jobs end and can be found as ever, and all is told when it is back", async (t) => {
  const { told, world, uri } = await open(t);
  told.isAway = true;
  const jobs = [];
  for (let n = 0; n < 5; n++) jobs.push(await world.index(await uri()));
  for (const { asset } of jobs) await world.indexed(asset);
  assert.deepEqual(told.events, []);
  assert.ok(world.logged.some(({ msg }) => msg.includes("the event log could not be told")));
  told.isAway = false;
  await world.allTold();
  for (const { id, asset } of jobs) {
    assert.deepEqual(told.of(id), ["heimdex.job.ended"]);
    assert.deepEqual(told.of(asset), ["heimdex.asset.indexed"]);
  }
});

test("what nobody said to be stored when a process ended is told again by the next one, under the same id", async (t) => {
  const { told, world, uri } = await open(t);
  told.isHeard = false;
  const { id, asset } = await world.index(await uri());
  await world.indexed(asset);
  await world.until(async () => (told.of(id).length > 0 ? true : undefined), "the job is told of");
  await world.stop();
  const before = told.events.length;
  told.isHeard = true;
  await world.start();
  await world.allTold();
  assert.deepEqual(
    told.events
      .slice(before)
      .map(({ subject }) => subject)
      .sort(),
    [asset, id].sort(),
  );
  assert.equal(new Set(told.events.map((event) => event.id)).size, 2);
});

test("an asset that is deleted is told of, before it is gone: the call fails while nobody can be told", async (t) => {
  const { told, world, uri } = await open(t);
  const { asset } = await world.index(await uri());
  await world.indexed(asset);
  await world.allTold();
  told.isAway = true;
  const remove = () => world.command("AssetService.DeleteAsset", { asset });
  await assert.rejects(remove(), withId("BUS_UNAVAILABLE"));
  assert.equal((await world.asset(asset)).id, asset);
  told.isAway = false;
  await remove();
  assert.deepEqual(told.of(asset), ["heimdex.asset.indexed", "heimdex.asset.deleted"]);
  assert.deepEqual(await world.all("assets"), []);
});

test("a film that is run again without anything new is told of as a job alone", async (t) => {
  const { told, world, uri } = await open(t);
  const source = await uri();
  const first = await world.index(source);
  await world.indexed(first.asset);
  await world.allTold();
  const again = await world.index(source, { reread: true });
  await world.allTold();
  assert.deepEqual(
    told.events.map(({ type, subject }) => [type, subject]),
    [
      ["heimdex.job.ended", first.id],
      ["heimdex.asset.indexed", first.asset],
      ["heimdex.job.ended", again.id],
    ],
  );
});

test("where there is no log nothing is marked", async (t) => {
  const world = await World.open(t);
  await world.serve([probe(), listen()]);
  const { asset, toTellMs } = await world.index(await world.file("a.json", film({ salt: "a" })));
  assert.equal(toTellMs, undefined);
  assert.equal((await world.indexed(asset)).toTellMs, undefined);
});
