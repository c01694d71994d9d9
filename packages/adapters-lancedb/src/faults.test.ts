import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { withId } from "@heimdex/ports/conformance";
import { LanceMomentIndex } from "./lance-moment-index.ts";
import { moment, momentCount, moments } from "./moments.fixture.ts";
import type { LanceOptions } from "./options.ts";

async function folderFor(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "heimdex-lance-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

async function openIn(t: TestContext, folder: string, options?: LanceOptions): Promise<LanceMomentIndex> {
  const index = await LanceMomentIndex.open(folder, options);
  t.after(() => index[Symbol.asyncDispose]());
  return index;
}

/** Runs the writer until `ms` after it says `from`, then kills it. Gives the last acknowledged revision of each asset. */
async function killedWriter(
  folder: string,
  from: "opening" | "acknowledged",
  ms: number,
): Promise<Map<string, number>> {
  const child = spawn(process.execPath, [fileURLToPath(new URL("writer.fixture.ts", import.meta.url)), folder], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exit = once(child, "exit");
  const acknowledged = new Map<string, number>();
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  const lines = createInterface({ input: child.stdout });
  lines.on("line", (line) => {
    const [asset, revision] = line.split(" ");
    if (asset !== undefined && revision !== undefined) acknowledged.set(asset, Number(revision));
    if (from === "opening" || revision !== undefined) begin();
  });
  const closed = once(lines, "close");
  await Promise.race([begun, exit]);
  await delay(ms);
  child.kill("SIGKILL");
  const [, signal] = await exit;
  await closed;
  assert.equal(signal, "SIGKILL", "the writer ended by itself");
  return acknowledged;
}

test("killed at any point, the index opens whole and has all that was acknowledged", async (t) => {
  const folder = await folderFor(t);
  const known = new Map<string, number>();
  // The first ones fall into the making of the table and its indexes.
  const kills = [
    ["opening", 40],
    ["opening", 90],
    ["opening", 150],
    ["acknowledged", 0],
    ["acknowledged", 35],
    ["acknowledged", 80],
    ["acknowledged", 133],
    ["acknowledged", 210],
  ] as const;
  for (const [from, ms] of kills) {
    for (const [asset, revision] of await killedWriter(folder, from, ms)) known.set(asset, revision);
    await using index = await LanceMomentIndex.open(folder);
    const assets = Array.from({ length: 7 }, (_, i) => `asset-${i}`);
    const revisions = await index.revisions("acme", assets);
    let total = 0;
    for (const asset of assets) {
      const revision = revisions.get(asset) ?? 0;
      assert.ok(revision >= (known.get(asset) ?? 0), `${asset} is at ${revision}, acknowledged ${known.get(asset)}`);
      const filter = { tenant: "acme", assets: [asset] };
      for (const hits of [
        await index.searchText("spoken", ["everywhere"], filter, 100),
        await index.searchVector("space", Float32Array.of(1, 1, 1), filter, 100),
      ]) {
        assert.deepEqual([...new Set(hits.map((hit) => hit.row.revision))], hits.length > 0 ? [revision] : []);
        assert.equal(hits.length, momentCount(revision));
      }
      total += momentCount(revision);
    }
    assert.equal((await index.stats("acme")).rows, total);
    assert.equal((await index.documentFrequencies("spoken", ["everywhere"], "acme")).get("everywhere"), total);
  }
  assert.ok(known.size > 0, "no replacement was ever acknowledged");
});

test("the disk used does not grow with the number of replacements", async (t) => {
  const index = await openIn(t, await folderFor(t), { retainMs: 0 });
  const sizes: number[] = [];
  for (let revision = 1; revision <= 60; revision++) {
    // Four moments at each of these revisions: as many rows at every measurement.
    await index.replaceAssets(["a", "b", "c"].map((asset) => moments(asset, revision * 5 - 1)));
    if (revision % 10 !== 0) continue;
    await index.optimize();
    sizes.push((await index.stats("acme")).bytes);
  }
  const [, early = 0] = sizes;
  assert.ok((sizes.at(-1) ?? 0) < early * 1.2, `bytes after each 10 replacements: ${sizes.join(", ")}`);
});

test("a process ends by itself once the index is disposed of", async (t) => {
  const folder = await folderFor(t);
  const script = `
    import { LanceMomentIndex } from ${JSON.stringify(new URL("index.ts", import.meta.url).href)};
    import { moments } from ${JSON.stringify(new URL("moments.fixture.ts", import.meta.url).href)};
    const index = await LanceMomentIndex.open(${JSON.stringify(folder)});
    await index.replaceAssets([moments("a", 4)]);
    await index.optimize();
    const text = await index.searchText("spoken", ["everywhere"], { tenant: "acme" }, 10);
    const near = await index.searchVector("space", Float32Array.of(1, 1, 1), { tenant: "acme" }, 10);
    await index[Symbol.asyncDispose]();
    console.log(text.length, near.length);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let out = "";
  child.stdout.setEncoding("utf8").on("data", (text) => {
    out += text;
  });
  // A process that stays would hang the test: this only turns that into a message.
  const timer = setTimeout(() => child.kill("SIGKILL"), 60_000);
  const [code] = await once(child, "exit");
  clearTimeout(timer);
  assert.equal(code, 0);
  assert.equal(out, "4 4\n");
});

test("opening reads nothing: the folder stays empty until the first call", async (t) => {
  const folder = await folderFor(t);
  const index = await openIn(t, folder);
  assert.deepEqual(await readdir(folder), []);
  assert.equal((await index.stats("acme")).rows, 0);
  assert.notDeepEqual(await readdir(folder), []);
});

test("a damaged index rejects with INDEX_UNAVAILABLE, and clear mends it", async (t) => {
  const folder = await folderFor(t);
  {
    await using index = await LanceMomentIndex.open(folder);
    await index.replaceAssets([moments("a", 4)]);
  }
  const [table = ""] = await readdir(folder);
  const manifests = join(folder, table, "_versions");
  for (const name of await readdir(manifests)) await writeFile(join(manifests, name), "nothing of use");
  const index = await openIn(t, folder);
  await assert.rejects(index.searchText("spoken", ["everywhere"], { tenant: "acme" }, 10), withId("INDEX_UNAVAILABLE"));
  await assert.rejects(index.replaceAssets([moments("b", 4)]), withId("INDEX_UNAVAILABLE"));
  await index.clear();
  await index.replaceAssets([moments("b", 4)]);
  assert.equal((await index.searchText("spoken", ["everywhere"], { tenant: "acme" }, 10)).length, 4);
});

test("vectors that cannot be compared are refused, and nothing of the batch is written", async (t) => {
  const index = await openIn(t, await folderFor(t));
  await index.replaceAssets([moments("a", 1)]);
  for (const vector of [
    Float32Array.of(1, 2),
    Float32Array.of(),
    Float32Array.of(0, 0, 0),
    Float32Array.of(1, Number.NaN, 0),
  ]) {
    const bad = {
      tenant: "acme",
      asset: "b",
      revision: 1,
      rows: [moment("b", 0, { vectors: new Map([["space", [vector]]]) })],
    };
    await assert.rejects(index.replaceAssets([moments("a", 2), bad]), withId("INVALID_ARGUMENT"));
  }
  const twice = { tenant: "acme", asset: "b", revision: 1, rows: [moment("b", 0), moment("b", 0)] };
  await assert.rejects(index.replaceAssets([moments("a", 2), twice]), withId("INVALID_ARGUMENT"));
  assert.deepEqual((await index.revisions("acme", ["a", "b"])).values().toArray(), [1, 0]);
  await assert.rejects(
    index.searchVector("space", Float32Array.of(1, 2), { tenant: "acme" }, 1),
    withId("INVALID_ARGUMENT"),
  );
});

test("an index made by another analyzer is not used", async (t) => {
  const folder = await folderFor(t);
  {
    await using index = await LanceMomentIndex.open(folder, { analyzerId: "one" });
    await index.replaceAssets([moments("a", 4)]);
  }
  const index = await openIn(t, folder, { analyzerId: "two" });
  assert.equal((await index.revisions("acme", ["a"])).get("a"), 0);
});
