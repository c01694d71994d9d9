import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { renderModelsPage } from "./models-page.ts";

test("the reference page lists the manifest", async () => {
  const page = await readFile(new URL("../../../docs/reference/models.md", import.meta.url), "utf8");
  assert.equal(page, renderModelsPage(page), "write it anew: node packages/models/src/write-models-page.ts");
});
