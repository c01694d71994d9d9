import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { pullModels } from "@heimdex/models";
import { runKit } from "@heimdex/stage-kit";
import { tinyFlorence } from "@heimdex/stage-vision/testing";

/** Stage services as `heimdex up` starts them, and what each registers with the bundled models. */
const SERVICES: Readonly<Record<string, readonly string[]>> = {
  "stage-media": ["media.probe", "media.analyze", "media.scenes", "asr.subtitles"],
  "stage-asr": ["asr.transcribe"],
  "stage-vision": ["vision.text", "vision.faces", "vision.objects"],
  "stage-embed": ["embed.text", "embed.image"],
};

// Most of the time is spent waiting: for times the contract names, and for what must not come.
describe("first-party stages pass the conformance kit", { concurrency: 6 }, () => {
  for (const [service, stages] of Object.entries(SERVICES))
    for (const stage of stages) test(stage, (t) => passes(t, stage, worker(service)));

  // No bundled model describes pictures: one of random weights in the same form stands in for it.
  test("vision.describe", async (t) => {
    const models = await mkdtemp(join(tmpdir(), "heimdex-kit-"));
    t.after(() => rm(models, { recursive: true }));
    await pullModels("florence-2-base", { from: await tinyFlorence(t), folder: models });
    const variables = [`HEIMDEX_MODELS=${models}`, "HEIMDEX_STAGE_MODELS=vision.describe=florence-2-base"];
    await passes(t, "vision.describe", ["env", ...variables, ...worker("stage-vision")]);
  });
});

function worker(service: string): string[] {
  return [process.execPath, fileURLToPath(new URL(`../../services/${service}/src/main.ts`, import.meta.url))];
}

async function passes(t: TestContext, stage: string, command: string[]): Promise<void> {
  const { ok, checks } = await runKit({ command, stage });
  for (const { id, outcome, seen, ms } of checks) t.diagnostic(`${id} ${outcome}, ${ms} ms: ${seen}`);
  assert.ok(ok, checks.flatMap(({ id, outcome, seen }) => (outcome === "failed" ? [`${id}: ${seen}`] : [])).join("\n"));
}
