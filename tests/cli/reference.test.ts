import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { heimdex } from "./heimdex.fixture.ts";
import { errorShape, indexShape, planShape, rerunShape, searchShape, traceShape } from "./shapes.fixture.ts";

const page = await readFile(new URL("../../docs/reference/cli.md", import.meta.url), "utf8");
const shapes = {
  error: errorShape,
  index: indexShape,
  search: searchShape,
  plan: planShape,
  rerun: rerunShape,
  trace: traceShape,
};

for (const [name, shape] of Object.entries(shapes)) {
  test(`the reference's example of ${name} has the shape that ${name} --json prints`, () => {
    const example = new RegExp(`\`\`\`json ${name}\\n([\\s\\S]*?)\`\`\``).exec(page)?.[1];
    assert.ok(example, "no example");
    shape.parse(JSON.parse(example));
  });
}

test("the reference has a section for each command, and for nothing else", async (t) => {
  const { stdout } = await heimdex(t, "--help");
  const listed = stdout.slice(stdout.indexOf("Commands:")).matchAll(/^ {2}([a-z]+)\b/gm);
  const commands = [...listed].map(([, name]) => name).filter((name) => name !== "help");
  const sections = [...page.matchAll(/^## ([a-z]+)$/gm)].map(([, name]) => name);
  assert.deepEqual(sections.toSorted(), commands.toSorted());
});
