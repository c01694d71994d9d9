import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type TestContext, test } from "node:test";

const terraform = resolve(import.meta.dirname, "../../deploy/terraform");
const PROJECT = "films-project";
const PREFIX = "heimdex-prod";
const NAMES = [
  ...["admin-key", "blobs-access-key", "blobs-secret-key", "bus-certificate", "bus-password", "bus-private-key"],
  ...["catalog-url", "events-password", "monitor-key", "signing-key", "sources-s3", "stage-key"],
];
const URI = "mongodb+srv://films:Vv8-sHq2_pQ0wZx@films.mongodb.net/?authSource=admin";

/** A project with these secrets, none with a value yet, and a gcloud on PATH that keeps them in a folder. */
async function open(t: TestContext, names: readonly string[] = NAMES) {
  const folder = await mkdtemp(join(tmpdir(), "heimdex-gcloud-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await mkdir(join(folder, "bin"));
  await symlink(resolve(import.meta.dirname, "fake-gcloud"), join(folder, "bin/gcloud"));
  for (const name of names) await mkdir(join(folder, "secrets", `${PREFIX}-${name}`), { recursive: true });
  const env = { PATH: `${join(folder, "bin")}:${process.env.PATH}`, FAKE_GCLOUD: folder };
  const run = (program: string, args: string[], stdin = "") =>
    new Promise<{ status: number; out: string; err: string }>((done) => {
      const child = execFile(join(terraform, program), args, { env }, (error, out, err) =>
        done({ status: error === null ? 0 : Number(error.code), out, err }),
      );
      child.stdin?.end(stdin);
    });
  /** All versions of a secret, the first first. */
  const versions = async (name: string) => {
    const held = join(folder, "secrets", `${PREFIX}-${name}`);
    const found = (await readdir(held)).sort((a, b) => Number(a) - Number(b));
    return Promise.all(found.map((version) => readFile(join(held, version), "utf8")));
  };
  /** Everything that could be seen from outside: how gcloud was called, and all processes while it ran. */
  const seen = async () =>
    (await Promise.all(["calls", "processes"].map((file) => readFile(join(folder, file), "utf8")))).join("");
  return { run, versions, seen };
}

test("a value goes from stdin to stdin: it is in no argument, no other process and no output", async (t) => {
  const { run, versions, seen } = await open(t);
  const { status, out, err } = await run("add-secret", [PROJECT, `${PREFIX}-catalog-url`], `${URI}\n`);
  assert.deepEqual([status, out, err], [0, `${PREFIX}-catalog-url: version 1\n`, ""]);
  assert.deepEqual(await versions("catalog-url"), [URI]);
  assert.equal((await seen()).includes("Vv8-sHq2_pQ0wZx"), false);
  assert.match(await seen(), /^secrets versions add heimdex-prod-catalog-url --project films-project --data-file=-/);
});

test("what is no value is not added, and a secret that is not there is said", async (t) => {
  const { run, versions } = await open(t);
  const empty = await run("add-secret", [PROJECT, `${PREFIX}-catalog-url`], "\n");
  assert.equal(empty.status, 1);
  assert.match(empty.err, /heimdex-prod-catalog-url: no value came/);
  assert.deepEqual(await versions("catalog-url"), []);
  const missing = await run("add-secret", [PROJECT, `${PREFIX}-catalogue`], URI);
  assert.notEqual(missing.status, 0);
  assert.match(missing.err, /Secret \[heimdex-prod-catalogue\] not found/);
  assert.equal(missing.out, "");
  assert.equal((await run("add-secret", [PROJECT])).status, 2);
});

test("a key is changed in three steps: nobody uses the new one before everybody takes it", async (t) => {
  const { run, versions, seen } = await open(t);
  for (const how of ["--make", "--make-beside", "--swap", "--drop-old"])
    assert.equal((await run("add-secret", [how, PROJECT, `${PREFIX}-stage-key`])).status, 0, how);
  const [old, taken, used, last] = await versions("stage-key");
  assert.match(old ?? "", /^[\w-]{43}$/);
  assert.deepEqual(taken?.split(" "), [old, last]);
  assert.deepEqual(used?.split(" "), [last, old]);
  assert.notEqual(last, old);
  for (const value of [old, last]) assert.equal((await seen()).includes(value ?? "?"), false);
});

test("every secret of an environment gets what it needs, and no second version when it runs again", async (t) => {
  const { run, versions, seen } = await open(t);
  const first = await run("make-secrets", [PROJECT, PREFIX], URI);
  assert.equal(first.status, 0, first.err);
  const values = new Map<string, string>();
  for (const name of NAMES) {
    const held = await versions(name);
    assert.equal(held.length, 1, name);
    values.set(name, held[0] ?? "");
  }
  const keys = ["admin-key", "stage-key", "monitor-key", "signing-key", "bus-password", "events-password"].map((name) =>
    values.get(name),
  );
  for (const key of keys) assert.match(key ?? "", /^[\w-]{43}$/);
  assert.equal(new Set(keys).size, keys.length);
  assert.equal(values.get("catalog-url"), URI);
  const [source] = JSON.parse(values.get("sources-s3") ?? "") as Record<string, string>[];
  assert.deepEqual(
    [source?.bucket, source?.endpoint],
    [`${PROJECT}-${PREFIX}-footage`, "https://storage.googleapis.com"],
  );
  assert.notEqual(source?.access_key, values.get("blobs-access-key"));
  // The certificate is the key's, and good for the name that services connect to.
  const publicOf = (args: string[], input: string) => execFileSync("openssl", args, { input, encoding: "utf8" });
  const certificate = values.get("bus-certificate") ?? "";
  assert.equal(
    publicOf(["x509", "-pubkey", "-noout"], certificate),
    publicOf(["pkey", "-pubout"], values.get("bus-private-key") ?? ""),
  );
  assert.match(publicOf(["x509", "-noout", "-ext", "subjectAltName"], certificate), /DNS:nats\.heimdex\.internal/);

  const again = await run("make-secrets", [PROJECT, PREFIX]);
  assert.deepEqual([again.status, again.err], [0, ""]);
  for (const name of NAMES) assert.equal((await versions(name)).length, 1, name);
  const said = first.out + first.err + again.out + (await seen());
  for (const [name, value] of values) assert.equal(said.includes(value), false, name);
});

test("where it cannot be told whether a secret has a value, none is made", async (t) => {
  const { run, versions } = await open(t, ["catalog-url"]);
  const { status, err } = await run("make-secrets", [PROJECT, PREFIX], URI);
  assert.equal(status, 1);
  assert.match(err, /Secret \[heimdex-prod-bus-password\] not found/);
  assert.deepEqual(await versions("catalog-url"), [URI]);
});
