import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { format, inspect } from "node:util";
import { HeimdexError } from "@heimdex/errors";
import { z } from "zod";
import { loadConfig, redacted, Secret, secret } from "./index.ts";

const schema = z.object({
  listen: z
    .string()
    .regex(/^[^:]+:\d+$/, "an address such as 127.0.0.1:8482 is expected")
    .default("127.0.0.1:8482"),
  maxJobs: z.coerce.number().int().min(1).default(4),
  debug: z.stringbool().default(false),
  token: secret(z.string().min(8)).optional(),
  catalog: z.object({ url: z.string().default("sqlite:"), keyId: z.string().meta({ env: "CATALOG_KEY" }).optional() }),
});

test("defaults apply where nothing is set, an empty variable counts as unset", () => {
  assert.deepEqual(loadConfig(schema, { HEIMDEX_MAX_JOBS: "" }), {
    listen: "127.0.0.1:8482",
    maxJobs: 4,
    debug: false,
    catalog: { url: "sqlite:" },
  });
});

test("variables are parsed, nested, renamed by meta; those of nobody are left alone", () => {
  const config = loadConfig(schema, {
    HEIMDEX_MAX_JOBS: "2",
    HEIMDEX_DEBUG: "true",
    HEIMDEX_CATALOG_URL: "mongodb://db",
    CATALOG_KEY: "k1",
    HEIMDEX_SOMETHING_ELSE: "x",
  });
  assert.deepEqual(config, {
    listen: "127.0.0.1:8482",
    maxJobs: 2,
    debug: true,
    catalog: { url: "mongodb://db", keyId: "k1" },
  });
  assert.throws(() => {
    (config as { maxJobs: number }).maxJobs = 9;
  }, TypeError);
});

test("CONFIG_INVALID names every bad variable at once, and what is expected", () => {
  assert.throws(
    () =>
      loadConfig(schema, { HEIMDEX_LISTEN: "nowhere", HEIMDEX_MAX_JOBS: "0", HEIMDEX_TOKEN_FILE: "/does/not/exist" }),
    (error) => {
      assert.ok(error instanceof HeimdexError);
      assert.equal(error.id, "CONFIG_INVALID");
      assert.deepEqual(error.fields.map(({ field }) => field).sort(), [
        "HEIMDEX_LISTEN",
        "HEIMDEX_MAX_JOBS",
        "HEIMDEX_TOKEN_FILE",
      ]);
      assert.match(error.message, /an address such as/);
      return true;
    },
  );
});

test("secrets come from files too, and never show in the redacted copy or in an error", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "heimdex-config-"));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, "token");
  await writeFile(file, "correct horse\n");
  const config = loadConfig(schema, { HEIMDEX_TOKEN_FILE: file, HEIMDEX_CATALOG_URL: "mongodb://ann:pw@db/x" });
  assert.equal(config.token?.reveal(), "correct horse");
  const shown = redacted(config);
  assert.equal(String(shown.token), "***");
  assert.equal(shown.catalog.url, "mongodb://ann:***@db/x");
  assert.equal(config.catalog.url, "mongodb://ann:pw@db/x");
  assert.throws(
    () => loadConfig(schema, { HEIMDEX_TOKEN: "hunter2" }),
    (error: Error) => !error.message.includes("hunter2"),
  );
  assert.throws(() => loadConfig(schema, { HEIMDEX_TOKEN: "long enough", HEIMDEX_TOKEN_FILE: file }), /not both/);
});

test("a Secret shows only to who asks for it: not in logs, errors, JSON, templates, copies", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "heimdex-config-"));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, "key");
  await writeFile(file, "correct horse\n");
  const keyed = z.object({ store: z.object({ key: secret(z.string().min(8)) }), pem: z.string().meta({ file: true }) });
  const config = loadConfig(keyed, { HEIMDEX_STORE_KEY_FILE: file, HEIMDEX_PEM_FILE: file });
  assert.equal(config.store.key.reveal(), "correct horse");
  assert.equal(config.pem, "correct horse");
  const { key } = config.store;
  for (const shown of [
    String(key),
    `${key}`,
    JSON.stringify({ ...config.store }),
    inspect(config.store, { showHidden: true, depth: 9 }),
    format("%s %o %j", key, key, key),
    JSON.stringify(redacted(config).store),
    inspect(structuredClone({ text: key.toJSON() })),
  ]) {
    assert.match(shown, /\*\*\*/);
    assert.doesNotMatch(shown, /horse/);
  }
  assert.throws(
    () => loadConfig(keyed, { HEIMDEX_STORE_KEY: "hunter2", HEIMDEX_PEM: "x" }),
    (error: Error) => error.message.includes("HEIMDEX_STORE_KEY") && !inspect(error).includes("hunter2"),
  );
  assert.equal(new Secret("a").reveal(), "a");
});
