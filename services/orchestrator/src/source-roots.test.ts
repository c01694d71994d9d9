import assert from "node:assert/strict";
import { symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { HeimdexError } from "@heimdex/errors";
import { manifest } from "./testing/raw-worker.ts";
import { World } from "./testing/world.ts";

const failedAs = (id: string) => (reason: unknown) => reason instanceof HeimdexError && reason.id === id;

test("a tenant names files in its own folders alone, however they are written or linked, and learns nothing of others", async (t) => {
  const world = await World.open(t);
  await (await world.worker()).register(manifest("made.up"));
  await world.file("acme/own.bin", "a");
  await world.file("globex/secret.bin", "b");
  const films = dirname(world.path("acme"));
  await world.restart({ sourceRoots: [join(films, "{tenant}")] });
  const link = world.path("acme/link.bin");
  await symlink(world.path("globex/secret.bin"), link);
  const uri = (path: string) => pathToFileURL(path).href;
  const plan = (path: string) => world.command("JobService.PlanJob", { source_uri: uri(path) }, "acme");
  const job = await world.create(uri(world.path("acme/own.bin")), {}, "acme");
  await world.untilJob(job, ({ state }) => state === "RUNNING", "has been read and planned");
  await plan(world.path("acme/own.bin"));
  await assert.rejects(plan(world.path("acme/none.bin")), failedAs("SOURCE_NOT_FOUND"));
  const refusals = new Set<string>();
  for (const path of [world.path("globex/secret.bin"), world.path("globex/none.bin"), link, "/etc/hostname", films]) {
    const error = await plan(path).catch((reason: unknown) => reason);
    refusals.add(JSON.stringify(error).replaceAll(path, "PATH"));
    await assert.rejects(world.create(uri(path), {}, "acme"), failedAs("SOURCE_REFUSED"), path);
  }
  assert.equal(refusals.size, 1);
  await world.create(uri(world.path("globex/secret.bin")));
});

test("where no folders are named, only the operator's tenant names files", async (t) => {
  const world = await World.open(t);
  const film = await world.file("a.bin", "a");
  await assert.rejects(world.create(film, {}, "acme"), failedAs("SOURCE_REFUSED"));
  await world.create(film);
});
