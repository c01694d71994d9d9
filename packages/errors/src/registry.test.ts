import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { errorTable, MARKER, renderPage } from "./errors-page.ts";
import { ERRORS, GRPC_CODE, isErrorId } from "./registry.ts";

const page = readFileSync(new URL("../../../docs/reference/errors.md", import.meta.url), "utf8");

test("the page and the registry hold the same ids, both ways, and say the same of each", () => {
  const rows = [...page.matchAll(/^\| `([A-Z_]+)` \| ([A-Z_]+) \| (.*) \| (.*) \|$/gm)].map(([, ...cells]) => cells);
  const entries = Object.entries(ERRORS).map(([id, { code, meaning, help }]) => [id, code, meaning, help]);
  assert.deepEqual(rows, entries);
  assert.equal(page, renderPage(page), "run scripts/check-stale and commit the page");
});

test("every entry can be acted upon", () => {
  for (const [id, { code, meaning, help }] of Object.entries(ERRORS)) {
    assert.match(id, /^[A-Z][A-Z_]{2,}$/);
    assert.ok(code in GRPC_CODE, id);
    assert.match(meaning, /\.$/, id);
    assert.match(help, /\.$/, id);
  }
});

test("what every object inherits is no id", () => {
  assert.equal(isErrorId("toString"), false);
  assert.equal(isErrorId("constructor"), false);
  assert.equal(isErrorId("DISK_FULL"), true);
});

test("a page without the marker is not overwritten", () => {
  assert.throws(() => renderPage("# Errors\n"), /has no line/);
  assert.match(
    renderPage(`# Errors\n${MARKER}\nyesterday`),
    new RegExp(`${errorTable().slice(0, 10).replaceAll("|", "\\|")}`),
  );
  assert.doesNotMatch(renderPage(`# Errors\n${MARKER}\nyesterday`), /yesterday/);
});
