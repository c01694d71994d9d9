import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { runnable, shell } from "./blocks.ts";

const GUIDES = ["docs/infrastructure/deployment.md", "docs/guides/secrets.md"];

test("what the deployment guide has a reader of a laptop type works", async (t) => {
  const data = await mkdtemp(join(tmpdir(), "heimdex-guide-"));
  t.after(() => rm(data, { recursive: true, force: true }));
  const script = await runnable("runnable");
  assert.match(script, /heimdex status/);
  const printed = await shell(script, ".", { ...process.env, HEIMDEX_DATA: data });
  assert.match(printed, /\S/);
});

for (const guide of GUIDES)
  test(`${guide} names files that are there, and make targets and scripts that exist`, async () => {
    const text = await readFile(guide, "utf8");
    const makefile = await readFile("Makefile", "utf8");
    for (const [, target] of text.matchAll(/`?make ([a-z][a-z-]+)/g))
      assert.match(makefile, new RegExp(`^${target}:`, "m"), `make ${target}`);
    for (const [, link] of text.matchAll(/\]\(((?!https?:|#)[^)#]+)[^)]*\)/g))
      assert.ok(existsSync(join(dirname(guide), link ?? "")), `${guide} links to ${link}`);
    for (const [path] of text.matchAll(/\b(?:scripts|deploy)\/[\w./-]*\w/g))
      if (path !== "deploy/compose/.env") assert.ok(existsSync(path), `${guide} names ${path}`);
  });
