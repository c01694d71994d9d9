import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { CHECKS } from "./checks.ts";

const ROOT = new URL("../../../", import.meta.url);
const PAGE = new URL("docs/reference/stage-kit.md", ROOT);

test("the reference lists every check as the kit has it", async () => {
  const page = await readFile(PAGE, "utf8");
  const listed = [...page.matchAll(/^\| `(HX-STG-\d{3})` \| (.*) \| (.*) \|$/gm)].map(([row]) => row);
  const rows = CHECKS.map(({ id, title, proves }) => `| \`${id}\` | ${title} | ${proves} |`);
  assert.deepEqual(listed, rows, `docs/reference/stage-kit.md must hold:\n${rows.join("\n")}`);
});

test("ids are numbered without gaps", () => {
  assert.deepEqual(
    CHECKS.map(({ id }) => id),
    CHECKS.map((_, index) => `HX-STG-${String(index + 1).padStart(3, "0")}`),
  );
});

for (const { id, contract } of CHECKS) {
  test(`${id} quotes the contract word for word`, async () => {
    assert.ok(contract.length > 0, "a check stands on the contract");
    for (const { file, at, says } of contract) {
      const proto = await readFile(new URL(`proto/heimdex/stage/v1/${file}`, ROOT), "utf8");
      const comments = proto.replace(/^\s*\/\/ ?/gm, "").replace(/\s+/g, " ");
      assert.ok(comments.includes(says.replace(/\s+/g, " ")), `${file} does not say: ${says}`);
      for (const name of at.split(".")) assert.match(proto, new RegExp(`\\b${name}\\b`), `${file} has no ${at}`);
    }
  });
}
