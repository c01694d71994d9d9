import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { runKit } from "./run-kit.ts";

test("a stage written with the SDK passes", async () => {
  const example = fileURLToPath(new URL("../../stage-sdk/src/example/loudness.ts", import.meta.url));
  const { ok, checks, stage, version } = await runKit({ command: [process.execPath, example] });
  assert.ok(ok, checks.map(({ id, outcome, seen }) => `${id} ${outcome}: ${seen}`).join("\n"));
  assert.deepEqual([stage, version], ["org.example.loudness", "1.0.0"]);
  // Nothing else than these can be seen of it: it takes one lease at a time, and reports no progress.
  const skipped = checks.filter(({ outcome }) => outcome === "skipped").map(({ id }) => id);
  assert.deepEqual(
    skipped.filter((id) => !["HX-STG-008", "HX-STG-009", "HX-STG-010", "HX-STG-023", "HX-STG-025"].includes(id)),
    [],
  );
});
