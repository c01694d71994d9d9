import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { runKit } from "@heimdex/stage-kit";

/** Stage services as `heimdex up` starts them, and what each registers; but `vision.describe`, for which no bundled model exists. */
const SERVICES: Readonly<Record<string, readonly string[]>> = {
  "stage-media": ["media.probe", "media.analyze", "media.scenes", "asr.subtitles"],
  "stage-asr": ["asr.transcribe"],
  "stage-vision": ["vision.text", "vision.faces", "vision.objects"],
  "stage-embed": ["embed.text", "embed.image"],
};

// Most of the time is spent waiting: for times the contract names, and for what must not come.
describe("first-party stages pass the conformance kit", { concurrency: 6 }, () => {
  for (const [service, stages] of Object.entries(SERVICES)) {
    const main = fileURLToPath(new URL(`../../services/${service}/src/main.ts`, import.meta.url));
    for (const stage of stages)
      test(stage, async (t) => {
        const { ok, checks } = await runKit({ command: [process.execPath, main], stage });
        for (const { id, outcome, seen, ms } of checks) t.diagnostic(`${id} ${outcome}, ${ms} ms: ${seen}`);
        assert.ok(
          ok,
          checks.flatMap(({ id, outcome, seen }) => (outcome === "failed" ? [`${id}: ${seen}`] : [])).join("\n"),
        );
      });
  }
});
