import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { itemId } from "@heimdex/sidecar";
import { customLayer, defineStage, json as jsonPort, serveStages, source } from "@heimdex/stage-sdk";
import { z } from "zod";
import { ffmpeg, folder, host, json } from "./heimdex.fixture.ts";
import { indexShape } from "./shapes.fixture.ts";

const MOOD = "org.example.mood";
const SAID = "org.example.said";

/** One of two stages that say the same kind of thing. */
const mood = (name: string) =>
  defineStage({
    name,
    version: "1.0.0",
    behaviour: 1,
    description: "Says its own name",
    inputs: { source: source() },
    outputs: { mood: jsonPort(MOOD, z.string()) },
    run: async () => ({ mood: name }),
  });

const reader = defineStage({
  name: SAID,
  version: "1.0.0",
  behaviour: 1,
  description: "Writes down what it reads, as loud as it is set to",
  inputs: { mood: jsonPort(MOOD, z.string()) },
  outputs: { said: customLayer(SAID, { text: z.string() }) },
  config: z.object({ times: z.int().min(1).default(1) }),
  async run({ inputs, config, asset, signal }) {
    const text = (await inputs.mood.json(signal)).repeat(config.times);
    const item = { id: itemId("said", asset, SAID, 0), start_ms: 0, end_ms: 1, text };
    return { said: { kind: SAID, version: 1, items: [item] } };
  },
});

test("settings.json chooses between two producers of one port, and configures a stage; what does not fit is told by the setting's name", async (t) => {
  const root = await folder(t);
  const film = join(root, "tone.wav");
  await ffmpeg("-f", "lavfi", "-i", "sine=frequency=440:duration=1", film);
  const data = join(root, "archive");
  await mkdir(data);
  const set = (settings: object) => writeFile(join(data, "settings.json"), JSON.stringify(settings));
  /** What the stage wrote about the film, or why it did not. */
  const said = async () => {
    const up = await host(t, data);
    const address = /workers (\S+?),/.exec(await up.line(/^ready after/))?.[1];
    assert.ok(address, "the host says where workers find it");
    const stop = new AbortController();
    const stages = [mood("org.example.one"), mood("org.example.two"), reader];
    const serving = serveStages(stages, { orchestrator: address, worker: "test", signal: stop.signal });
    try {
      for (const known = () => json(t, "--data", data, "stages"); ; await delay(50)) {
        const { stages: found } = (await known()).document as { stages: { stage: string; workers: number }[] };
        if (stages.every(({ name }) => found.some(({ stage, workers }) => stage === name && workers > 0))) break;
      }
      const indexed = await json(t, "--data", data, "index", film);
      const step = indexShape.parse(indexed.document).assets[0]?.stages.find(({ stage }) => stage === SAID);
      const sidecar = (await json(t, "--data", data, "sidecar", film)).document as {
        layers: { kind: string; items: { text: string }[] }[];
      };
      const text = sidecar.layers.find(({ kind }) => kind === SAID)?.items[0]?.text;
      return [step?.state, step?.reason, text];
    } finally {
      stop.abort();
      await serving;
      up.child.kill("SIGTERM");
      await up.ended;
    }
  };
  const producers = { [`${MOOD}/1`]: "org.example.two" };
  await set({ producers, stage_config: { [SAID]: { times: 2 } } });
  assert.deepEqual(await said(), ["OK", "", "org.example.twoorg.example.two"]);
  await set({ producers, stage_config: { [SAID]: { times: 0 } } });
  const [state, reason] = await said();
  assert.deepEqual([state, reason], ["SKIPPED", "CONFIG_INVALID: times: must be >= 1"]);
});
