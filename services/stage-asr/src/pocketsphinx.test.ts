import assert from "node:assert/strict";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join as joinPath } from "node:path";
import { type TestContext, test } from "node:test";
import { modelEntry } from "@heimdex/models";
import { PocketSphinx } from "./pocketsphinx.ts";
import { findPocketSphinx, type PocketSphinxInstall } from "./pocketsphinx-install.ts";
import type { RecognizeOptions } from "./recognizer.ts";
import type { SpeechRegion } from "./speech-segmenter.ts";
import { join, lengthMs, silence, speech, writeWav } from "./testing/made-audio.ts";
import { tempFolder } from "./testing/temp-folder.ts";
import { openWav } from "./wav-file.ts";

const found = await findPocketSphinx();
assert.ok(found.found, "these tests need pocketsphinx and its US English model");
const install: PocketSphinxInstall = found.install;

const sentence = await speech("We are going to open the front door of the old house.");

/** The sentence twice, at an odd place in a folder whose name has blanks, and where it lies. */
async function twice(t: TestContext) {
  const folder = joinPath(await tempFolder(t), "a folder with blanks");
  await mkdir(folder);
  const pcm = join(silence(5_010), sentence, silence(1_490), sentence, silence(500));
  const path = await writeWav(joinPath(folder, "a b.wav"), pcm, { extraChunk: 26 });
  const length = Math.floor(lengthMs(sentence) / 10) * 10;
  const second = Math.floor((5_010 + lengthMs(sentence) + 1_490) / 10) * 10;
  const regions: SpeechRegion[] = [
    { startMs: 5_010, endMs: 5_010 + length },
    { startMs: second, endMs: second + length + 200 },
  ];
  return { audio: await openWav(path), regions };
}

async function options(t: TestContext, more: Partial<RecognizeOptions> = {}): Promise<RecognizeOptions> {
  const scratch = await tempFolder(t);
  return { scratch, signal: new AbortController().signal, onCpu() {}, onRegion() {}, ...more };
}

/** An installation whose program is this shell script; `$REAL` is the true one. */
async function scripted(t: TestContext, script: string): Promise<PocketSphinx> {
  const binary = joinPath(await tempFolder(t), "program");
  await writeFile(binary, `#!/bin/sh\nREAL=${install.binary}\n${script}\n`);
  await chmod(binary, 0o755);
  return new PocketSphinx({ ...install, binary }, 1);
}

test("words are recognised with times in order and within their region, each region told once", async (t) => {
  const { audio, regions } = await twice(t);
  const told: SpeechRegion[] = [];
  let cpuMs = 0;
  const results = await new PocketSphinx(install, 1).recognize(
    audio,
    regions,
    await options(t, {
      onRegion: (region) => told.push(region),
      onCpu: (ms) => {
        cpuMs += ms;
      },
    }),
  );
  assert.deepEqual(
    results.map(({ region }) => region),
    regions,
  );
  assert.deepEqual(told, regions);
  assert.ok(cpuMs > 100, `CPU time ${cpuMs} ms`);
  for (const { region, words } of results) {
    const text = words.map((word) => word.text);
    for (const word of ["open", "front", "door", "house"])
      assert.ok(text.includes(word), `${word} in ${text.join(" ")}`);
    let free = 0;
    for (const word of words) {
      assert.ok(word.startMs >= free && word.endMs > word.startMs && word.endMs <= region.endMs - region.startMs);
      assert.ok(word.confidence !== undefined && word.confidence >= 0 && word.confidence <= 1);
      free = word.endMs;
    }
    const front = words.find((word) => word.text === "front");
    // "front" is said in the middle of the sentence.
    assert.ok(front && front.startMs > 800 && front.endMs < 2_600, JSON.stringify(front));
  }
});

test("how many processes share the work changes nothing in the answer", async (t) => {
  const { audio, regions } = await twice(t);
  // Enough for two processes.
  const many = [...regions, ...regions.slice(0, 1)];
  const [one, two] = [
    await new PocketSphinx(install, 1).recognize(audio, many, await options(t)),
    await new PocketSphinx(install, 2).recognize(audio, many, await options(t)),
  ];
  assert.deepEqual(one, two);
});

test("a language it does not know is refused, by name", async (t) => {
  const { audio, regions } = await twice(t);
  const sphinx = new PocketSphinx(install, 1);
  await assert.rejects(sphinx.recognize(audio, regions, await options(t, { language: "de-AT" })), {
    kind: "TERMINAL",
    reason: "LANGUAGE_UNSUPPORTED",
    message: /pocketsphinx-en-us/,
  });
  assert.equal((await sphinx.recognize(audio, regions, await options(t, { language: "en-GB" }))).length, 2);
});

test("a program that is killed fails the attempt with a reason", async (t) => {
  const { audio, regions } = await twice(t);
  const sphinx = await scripted(t, '"$REAL" "$@" & kill -9 $!; wait $!');
  await assert.rejects(sphinx.recognize(audio, regions, await options(t)), {
    name: "StageFailure",
    kind: "RETRYABLE",
    reason: "RECOGNIZER_FAILED",
  });
});

test("a program that skips regions and claims success is not believed", async (t) => {
  const { audio, regions } = await twice(t);
  const sphinx = await scripted(t, 'rm "$(dirname "$8")/audio"; exec "$REAL" "$@"');
  await assert.rejects(sphinx.recognize(audio, regions, await options(t)), {
    reason: "RECOGNIZER_FAILED",
    message: /2 of 2 regions were skipped/,
  });
});

test("an abort ends a program that hangs, and rejects with its reason", async (t) => {
  const { audio, regions } = await twice(t);
  const stop = new AbortController();
  const reason = new Error("enough");
  // It says that the first region is done, then hangs for ever.
  const sphinx = await scripted(
    t,
    'echo "INFO: batch.c(760): u0: 1.00 seconds speech, 1.00 seconds CPU" >&2; exec sleep 100000',
  );
  const running = sphinx.recognize(
    audio,
    regions,
    await options(t, { signal: stop.signal, onRegion: () => stop.abort(reason) }),
  );
  await assert.rejects(running, reason);
});

test("what is not installed is named, with what to do", async (t) => {
  const empty = await tempFolder(t);
  const noTool = await findPocketSphinx({ PATH: empty });
  assert.deepEqual([noTool.found, noTool.found || noTool.reason], [false, "NO_TOOL"]);
  const noModel = await findPocketSphinx({ ...process.env, HEIMDEX_POCKETSPHINX_MODEL: empty });
  assert.ok(!noModel.found && noModel.reason === "NO_MODEL");
  assert.match(noModel.help, /apt-get install/);
});

test("the model's digest covers every file", async (t) => {
  assert.match(install.model.sha256, /^[0-9a-f]{64}$/);
  const folder = joinPath(await tempFolder(t), "en-us");
  await mkdir(joinPath(folder, "en-us"), { recursive: true });
  const env = { ...process.env, HEIMDEX_POCKETSPHINX_MODEL: folder };
  const names = Object.keys(modelEntry("pocketsphinx-en-us").files);
  for (const name of names) await writeFile(joinPath(folder, name), name);
  const digests = new Set<string>();
  for (const name of ["", ...names]) {
    if (name) await writeFile(joinPath(folder, name), `${name} changed`);
    const search = await findPocketSphinx(env);
    assert.ok(search.found);
    digests.add(search.install.model.sha256);
  }
  assert.equal(digests.size, names.length + 1);
});
