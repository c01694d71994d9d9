import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { MARKER, renderContractPage } from "./contract-page.ts";
import { descriptorSet } from "./descriptor-set.ts";

const page = readFileSync(new URL("../../../docs/reference/stage-contract.md", import.meta.url), "utf8");
const { file } = fromBinary(FileDescriptorSetSchema, descriptorSet());
const stageFiles = file.filter((each) => each.package === "heimdex.stage.v1");

/** The lines from a heading to the next. */
function section(heading: string): string {
  const [, found] = page.split(`\n${heading}\n`);
  assert.ok(found !== undefined, `the page has no ${heading}`);
  return found.split(/\n#{2,4} /)[0] ?? "";
}

test("the page has every method, message, field and value of the contract, each with what it means", () => {
  for (const { name, method } of stageFiles.flatMap((each) => each.service))
    for (const call of method)
      assert.match(section(`### ${name}`), new RegExp(`^\\| \`${call.name}\` \\| .+ \\| .{10,} \\|$`, "m"));
  for (const { name, field, enumType } of stageFiles.flatMap((each) => each.messageType)) {
    for (const each of field)
      assert.match(
        section(`### ${name}`),
        new RegExp(`^\\| ${each.number} \\| \`${each.name}\` \\| .+ \\| .{5,} \\|$`, "m"),
      );
    for (const type of enumType)
      for (const value of type.value)
        assert.match(
          section(`#### ${name}.${type.name}`),
          new RegExp(`^\\| ${value.number} \\| \`${value.name}\` \\| .{5,} \\|$`, "m"),
        );
  }
});

test("links within the page lead to a heading", () => {
  const anchors = new Set(
    [...page.matchAll(/^#+ (.+)$/gm)].map(([, title = ""]) =>
      title
        .toLowerCase()
        .replace(/[^a-z0-9 -]/g, "")
        .replaceAll(" ", "-"),
    ),
  );
  const links = [...page.matchAll(/\]\(#([^)]+)\)/g)].map(([, anchor = ""]) => anchor);
  assert.ok(links.length > 30);
  assert.deepEqual(
    links.filter((anchor) => !anchors.has(anchor)),
    [],
  );
});

test("what is written by hand stays, and a page without the marker is not overwritten", () => {
  assert.throws(() => renderContractPage("# The stage contract\n", descriptorSet()), /has no line/);
  const made = renderContractPage(`By hand.\n\n${MARKER}\n\nyesterday`, descriptorSet());
  assert.match(made, /^By hand\.\n\n<!-- Below/);
  assert.doesNotMatch(made, /yesterday/);
});
