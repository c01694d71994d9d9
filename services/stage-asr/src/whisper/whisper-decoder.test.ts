import assert from "node:assert/strict";
import { cp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { EngineError } from "@heimdex/engine";
import { env, WhisperFeatureExtractor } from "@huggingface/transformers";
import { madeSignal } from "../testing/made-signal.ts";
import { tempFolder } from "../testing/temp-folder.ts";
import { WhisperDecoder } from "./whisper-decoder.ts";

interface Reference {
  readonly mel: { samples: number; at: [band: number, frame: number][]; values: number[]; mean: number };
  readonly cases: {
    readonly samples: number;
    readonly given: string | null;
    readonly language: string;
    readonly languageProbability: number;
    readonly noSpeechProbability: number;
    readonly meanLogProbability: number;
    readonly tokens: number[];
    readonly logProbabilities: number[];
    readonly tokenStartMs: number[];
  }[];
}

/** A Whisper of random weights; see fixtures/make_whisper.py, which also wrote what the references make of it. */
const FOLDER = fileURLToPath(new URL("../../fixtures/whisper-made", import.meta.url));
const reference: Reference = JSON.parse(await readFile(join(FOLDER, "reference.json"), "utf8"));
const close = (got: number, want: number, within: number) =>
  assert.ok(Math.abs(got - want) <= within, `${got} is not ${want} within ${within}`);

test("mel features are those of transformers and openai-whisper in Python", async () => {
  const { samples, at, values, mean } = reference.mel;
  env.localModelPath = join(FOLDER, "..");
  const features = await WhisperFeatureExtractor.from_pretrained("whisper-made", { local_files_only: true });
  const { input_features } = await features(Float32Array.from(madeSignal(samples), (sample) => sample / 32_768));
  assert.deepEqual(input_features.dims, [1, 80, 3000]);
  const got = input_features.data as Float32Array;
  for (const [i, [band, frame]] of at.entries()) close(got[band * 3000 + frame] ?? 0, values[i] ?? 0, 1e-4);
  close(got.reduce((sum, value) => sum + value, 0) / got.length, mean, 1e-4);
});

for (const want of reference.cases) {
  const { samples, given } = want;
  test(`${samples / 16_000} s, language ${given ?? "to be found"}: tokens, times and probabilities are those of PyTorch`, async () => {
    const decoder = await WhisperDecoder.open(FOLDER, 1);
    const got = await decoder.decode(madeSignal(samples), given ?? undefined);
    assert.deepEqual(got.tokens, want.tokens);
    assert.equal(got.language, want.language);
    close(got.languageProbability, want.languageProbability, 1e-4);
    close(got.noSpeechProbability, want.noSpeechProbability, 1e-5);
    close(got.meanLogProbability, want.meanLogProbability, 1e-4);
    // Words are runs of tokens, so their edges are edges of tokens, and all times occur.
    const starts = got.words.map(({ startMs }) => startMs);
    assert.equal(starts[0], want.tokenStartMs[0]);
    assert.equal(got.words.at(-1)?.endMs, want.tokenStartMs.at(-1));
    for (const { startMs, endMs } of got.words) {
      assert.ok(want.tokenStartMs.includes(startMs) && want.tokenStartMs.includes(endMs) && endMs >= startMs);
    }
    if (got.words.length === want.tokens.length) {
      assert.deepEqual(starts, want.tokenStartMs.slice(0, -1));
      for (const [i, { confidence }] of got.words.entries()) {
        close(confidence ?? 0, Math.exp(want.logProbabilities[i] ?? 0), 1e-4);
      }
    }
  });
}

test("a language the model does not have is refused", async () => {
  const decoder = await WhisperDecoder.open(FOLDER, 1);
  await assert.rejects(decoder.decode(madeSignal(16_000), "fr"), { name: "EngineError", code: "LANGUAGE_UNKNOWN" });
});

async function copy(t: TestContext): Promise<string> {
  const folder = join(await tempFolder(t), "copied");
  await cp(FOLDER, folder, { recursive: true });
  return folder;
}
const UNUSABLE = (error: unknown) => error instanceof EngineError && error.code === "MODEL_UNUSABLE";

for (const file of ["tokenizer.json", "generation_config.json", "onnx/encoder_model.onnx"]) {
  test(`a model without its ${file} is refused`, async (t) => {
    const folder = await copy(t);
    await rm(join(folder, file));
    await assert.rejects(WhisperDecoder.open(folder, 1), UNUSABLE);
  });
}

test("a model cut off, and one without alignment heads, are refused", async (t) => {
  const cut = await copy(t);
  const path = join(cut, "onnx/decoder_model_merged.onnx");
  await writeFile(path, (await readFile(path)).subarray(0, 50_000));
  await assert.rejects(WhisperDecoder.open(cut, 1), UNUSABLE);
  const headless = await copy(t);
  const config = JSON.parse(await readFile(join(headless, "generation_config.json"), "utf8"));
  delete config.alignment_heads;
  await writeFile(join(headless, "generation_config.json"), JSON.stringify(config));
  await assert.rejects(WhisperDecoder.open(headless, 1), /alignment_heads/);
});
