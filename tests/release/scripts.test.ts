import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { promisify } from "node:util";

const run = promisify(execFile);
const SCRIPTS = "scripts/release";

/** A repository with these scripts, one commit, and what package.json says of the version. */
async function repository(t: TestContext, version: string) {
  const folder = await mkdtemp(join(tmpdir(), "heimdex-release-"));
  t.after(() => rm(folder, { recursive: true }));
  await cp("scripts", join(folder, "scripts"), { recursive: true });
  const manifest = `{\n  "name": "x",\n  "version": "${version}",\n  "private": true\n}\n`;
  await cp("packages/stage-sdk/package.json", join(folder, "packages/stage-sdk/package.json"), { recursive: true });
  await writeFile(join(folder, "package.json"), manifest);
  await writeFile(join(folder, "packages/stage-sdk/package.json"), manifest);
  const git = (...args: string[]) =>
    run("git", ["-c", "user.name=n", "-c", "user.email=e@example.invalid", "-c", "commit.gpgsign=false", ...args], {
      cwd: folder,
    });
  await git("init", "-q");
  const commit = async (subject: string) => {
    await git("add", "-A");
    await git("commit", "-q", "--allow-empty", "-m", subject);
  };
  await commit("The beginning");
  const script = (name: string, ...args: string[]) => run(join(folder, SCRIPTS, name), args, { cwd: folder });
  return { git, commit, script };
}

test("a tag gives the version it names, and every other commit one of its own", async (t) => {
  const { git, commit, script } = await repository(t, "1.2.3");
  assert.match((await script("version")).stdout, /^sha-[0-9a-f]{12}\n$/);
  await git("tag", "v1.2.3");
  assert.equal((await script("version")).stdout, "1.2.3\n");
  await commit("Something else");
  assert.match((await script("version")).stdout, /^sha-/);
});

test("a tag that package.json does not bear out is refused", async (t) => {
  const { git, script } = await repository(t, "1.2.3");
  await git("tag", "v1.3.0");
  await assert.rejects(script("version"), /v1\.3\.0.*1\.2\.3/);
});

test("a release says what changed since the one before", async (t) => {
  const { git, commit, script } = await repository(t, "1.2.3");
  await git("tag", "v1.2.3");
  await commit("Search finds what was painted on walls");
  await git("tag", "v1.3.0");
  const { stdout } = await script("changelog");
  assert.match(stdout, /Since v1\.2\.3\n\n- Search finds what was painted on walls \([0-9a-f]+\)/);
  assert.doesNotMatch(stdout, /The beginning/);
});

test("an image that is named by a tag is no image of a release, and names that move are no versions", async (t) => {
  const { script } = await repository(t, "1.2.3");
  for (const name of ["latest", "main", ""])
    await assert.rejects(script("push-images", name, "registry.example/heimdex", "x.json"), /is no version/);
  const folder = await mkdtemp(join(tmpdir(), "heimdex-images-"));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, "images.json");
  const digest = `sha256:${"a".repeat(64)}`;
  await writeFile(
    file,
    `{\n  "gateway": "r.example:5000/h/gateway@${digest}",\n  "cli": "r.example/h/cli@${digest}"\n}\n`,
  );
  assert.deepEqual(JSON.parse((await run(join(SCRIPTS, "matrix"), [file])).stdout), [
    { repository: "r.example:5000/h/gateway", digest },
    { repository: "r.example/h/cli", digest },
  ]);
  await writeFile(file, '{\n  "gateway": "r.example/h/gateway:1.2.3"\n}\n');
  await assert.rejects(run(join(SCRIPTS, "check-images"), ["1.2.3", file]), /does not name \S+ by its digest/);
});

/** Programs in place of those of a machine that deploys: each notes how it is called, prints its name, and is found first. */
async function programs(t: TestContext, ...names: string[]) {
  const folder = await mkdtemp(join(tmpdir(), "heimdex-programs-"));
  t.after(() => rm(folder, { recursive: true }));
  const log = join(folder, "calls");
  for (const name of names)
    await writeFile(join(folder, name), `#!/bin/sh\necho "${name} $*" >>"${log}"\necho "${name} said"\n`, {
      mode: 0o755,
    });
  const env = {
    ...process.env,
    PATH: `${folder}:${process.env.PATH}`,
    STATE_BUCKET: "state",
    GITHUB_REPOSITORY: "o/h",
  };
  const script = async (name: string, ...args: string[]) => (await run(join(SCRIPTS, name), args, { env })).stdout;
  const calls = async () => (await readFile(log, "utf8")).trim().split("\n");
  return { folder, script, calls };
}

test("every image of a release is signed by its digest, and so is what it is made of", async (t) => {
  const { folder, script, calls } = await programs(t, "cosign");
  const names = (await script("images")).trim().split(/\s+/);
  const images = names.map((name) => [name, `r.example/h/${name}@sha256:${"a".repeat(64)}`] as const);
  const file = join(folder, "images.json");
  await writeFile(file, `${JSON.stringify(Object.fromEntries(images), null, 2)}\n`);
  await script("sign", file, "made-of");
  assert.deepEqual(
    await calls(),
    images.flatMap(([name, image]) => [
      `cosign sign --yes ${image}`,
      `cosign attest --yes --type spdxjson --predicate made-of/${name}.spdx.json ${image}`,
    ]),
  );
});

test("a deployment takes the images of the release it is given, plans with them, and applies that very plan", async (t) => {
  const { folder, script, calls } = await programs(t, "gh", "terraform");
  const file = join(folder, "new", "images.json");
  await script("fetch-images", "v1.2.3", file);
  await script("fetch-images", "", file);
  assert.equal(await script("terraform", "plan", "staging", file), "terraform said\n", "the plan, and nothing else");
  await script("terraform", "apply", "staging", file);
  const of = "terraform -chdir=deploy/terraform/environments/staging";
  const plan = join(folder, "new", "staging.tfplan");
  assert.deepEqual(await calls(), [
    `gh release download v1.2.3 --repo o/h --pattern images.json --output ${file} --clobber`,
    `gh release download --repo o/h --pattern images.json --output ${file} --clobber`,
    `${of} init -input=false -backend-config=bucket=state`,
    `${of} plan -input=false -out=${plan}`,
    `${of} show -no-color ${plan}`,
    `${of} init -input=false -backend-config=bucket=state`,
    `${of} apply -input=false ${plan}`,
  ]);
  await assert.rejects(script("terraform", "plan", "nowhere", file), /there is no environment nowhere/);
});

test("what was deployed is asked whether it serves, asks for keys, and answers whoever has one", async (t) => {
  const KEY = "the-key-of-the-smoke-test";
  let isOpen = false;
  const server = createServer((request, response) => {
    const isGood = isOpen || request.headers.authorization === `Bearer ${KEY}`;
    const isSearch = request.url === "/v1/search?query=harbour";
    response.writeHead(
      request.url === "/healthz" ? 200 : !isGood ? 401 : isSearch || request.url === "/v1/status" ? 200 : 404,
    );
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const smoke = (key: string) => run(join(SCRIPTS, "smoke"), [url], { env: { ...process.env, HEIMDEX_KEY: key } });
  assert.match((await smoke(KEY)).stdout, /searches/);
  assert.match((await smoke("")).stdout, /there is none/);
  await assert.rejects(smoke("another"), /answers 401/);
  isOpen = true;
  await assert.rejects(smoke(KEY), /without a key/);
});
