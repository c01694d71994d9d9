import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { chosenModel, type LocatedModel } from "@heimdex/models";
import { openRecognizer } from "./open-recognizer.ts";

const fixtures = fileURLToPath(new URL("../fixtures", import.meta.url));
/** The made models in the places of the real ones. */
async function made(id: string): Promise<LocatedModel> {
  const dir = join(fixtures, id.startsWith("whisper") ? "whisper-made" : "transducer-made");
  const names = ["encoder.onnx", "decoder.onnx", "joiner.onnx", "tokens.txt"];
  const files = Object.fromEntries(names.map((name) => [name, join(dir, name)]));
  return { available: true, id, dir, files, sha256: "1".repeat(64), licence: "Apache-2.0" };
}

for (const [setting, engine, model] of [
  ["", "pocketsphinx", "pocketsphinx-en-us"],
  ["asr.transcribe=whisper-base", "whisper", "whisper-base"],
  ["asr.transcribe=whisper-small", "whisper", "whisper-small"],
  ["asr.transcribe=parakeet-tdt-0.6b-v3", "sherpa-onnx", "parakeet-tdt-0.6b-v3"],
] as const) {
  test(`"${setting}" opens ${engine}, which names ${model} and starts`, async () => {
    const opened = await openRecognizer(1, chosenModel("asr.transcribe", { HEIMDEX_STAGE_MODELS: setting }), made);
    assert.ok(opened.available);
    assert.equal(opened.recognizer.engine, engine);
    assert.deepEqual(
      opened.recognizer.models.map(({ id }) => id),
      [model],
    );
    await opened.recognizer.start();
  });
}

test("a model that is set and not there is missed: no other takes its place", async () => {
  const missing = async (): Promise<LocatedModel> => ({ available: false, reason: "NO_MODEL", help: "pull it" });
  assert.deepEqual(await openRecognizer(1, "whisper-base", missing), {
    available: false,
    reason: "NO_MODEL",
    help: "pull it",
  });
});
