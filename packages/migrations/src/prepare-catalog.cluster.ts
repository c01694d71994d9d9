import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { MongoCatalog } from "@heimdex/adapters-mongo";
import type { HeimdexError } from "@heimdex/errors";
import { startMongo } from "@heimdex/testing-servers";
import type { Migration } from "./migrations.ts";
import { prepareCatalog } from "./prepare-catalog.ts";

const OPTIONS = { timeout: 120_000 };
const signal = new AbortController().signal;
const server = await startMongo();
after(() => server[Symbol.asyncDispose]());

const open = (database: string) => MongoCatalog.open({ url: server.url, database });
const noting = (name: string, ran: string[]): Migration => ({ name, run: async () => void ran.push(name) });

test(
  "of several that start at once on MongoDB one runs each migration; newer data is refused and left as it is",
  OPTIONS,
  async () => {
    const database = `t${randomUUID()}`;
    const ran: string[] = [];
    const migrations = [noting("first", ran), noting("second", ran)];
    await Promise.all(
      Array.from({ length: 4 }, async () => {
        await using catalog = await open(database);
        await prepareCatalog(catalog, signal, { migrations, pollMs: 20 });
      }),
    );
    assert.deepEqual(ran, ["first", "second"]);
    await using catalog = await open(database);
    await assert.rejects(
      prepareCatalog(catalog, signal, { migrations: [noting("first", ran)] }),
      (error: HeimdexError) => error.id === "DATA_VERSION_NEWER",
    );
    assert.deepEqual((await catalog.get("meta", "catalog-version"))?.body, { version: 3 });
  },
);

test(
  "one that is killed in the middle of a migration is followed by another, which runs it again",
  OPTIONS,
  async () => {
    const database = `t${randomUUID()}`;
    const child: ChildProcess = fork(fileURLToPath(new URL("hanging.fixture.ts", import.meta.url)), [
      server.url,
      database,
    ]);
    await once(child, "message");
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
    await using catalog = await open(database);
    assert.equal((await catalog.get<number>("jobs", "half"))?.body, 1);
    const ran: string[] = [];
    await prepareCatalog(catalog, signal, { migrations: [noting("again", ran)], pollMs: 20 });
    assert.deepEqual(ran, ["again"]);
    assert.deepEqual((await catalog.get("meta", "catalog-version"))?.body, { version: 2 });
  },
);
