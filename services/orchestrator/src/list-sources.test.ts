import assert from "node:assert/strict";
import { dirname } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { World } from "./testing/world.ts";

interface Page {
  readonly sources?: readonly { readonly uri: string }[];
  readonly leftOut?: readonly { readonly uri: string; readonly why: string }[];
  readonly nextPageToken?: string;
}

test("a folder of the server is listed by pages that fit into a message", async (t) => {
  const world = await World.open(t);
  const names = Array.from({ length: 30 }, (_, n) => `${String(n).padStart(2, "0")} ${"ü".repeat(100)}.mp4`);
  for (const name of names) await world.file(`day 1/${name}`, name);
  await world.file("notes.txt", "");
  const uri = `${pathToFileURL(dirname(world.path("notes.txt"))).href}/`;
  const found: string[] = [];
  const leftOut: string[] = [];
  for (let token = ""; ; ) {
    const page = await world.command<Page>("SourceService.ListSources", { uri, page_size: 7, page_token: token });
    found.push(...(page.sources ?? []).map((source) => decodeURIComponent(source.uri.split("/").at(-1) ?? "")));
    leftOut.push(...(page.leftOut ?? []).map(({ why }) => why));
    token = page.nextPageToken ?? "";
    if (token === "") break;
  }
  assert.deepEqual(found, names);
  assert.deepEqual(leftOut, ["its name is not that of media"]);
});
