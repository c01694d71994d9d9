import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { choicesFor, pullModels } from "@heimdex/models";
import { findSilero, openRecognizer, transcribe, VadThread } from "@heimdex/stage-asr";
import type { Benchmark, Figure, RunOptions } from "../common/benchmark.ts";
import { spokenWords, wordErrorRate } from "./word-errors.ts";

/** Everyday English, with names and numbers left out: the voice says those in ways of its own. */
const SENTENCES = [
  "The president will speak to the people tomorrow morning.",
  "She bought a new car with money from the bank.",
  "We are going to open the front door of the old house.",
  "The weather today is warm and there will be rain in the evening.",
  "He told the police that he had never seen the man before.",
  "Most of the students in this class want to study history.",
  "The train to the city leaves every hour from the second platform.",
  "They found the letter under a book on the kitchen table.",
  "The company lost a lot of money because of the war.",
  "My brother works at a hospital near the river.",
  "Please turn off the lights when you leave the room.",
  "The children played in the garden until their father came home.",
];
const PAUSE_S = 1.5;
/** What nobody speaks in, each for a minute. */
const WORDLESS = {
  "silence of a quiet room": "anoisesrc=c=brown:a=0.002:seed=1",
  "loud noise": "anoisesrc=c=pink:a=0.3:seed=2",
  "held chords with a beat":
    "aevalsrc='0.2*sin(2*PI*220*t)*(1+sin(2*PI*3*t))/2+0.2*sin(2*PI*330*t)+0.1*sin(2*PI*(440+110*floor(mod(t*2,4)))*t)'",
  "a melody": "aevalsrc='0.4*sin(2*PI*(262+33*floor(mod(t*3,7)))*t)*exp(-3*mod(t*3,1))'",
};
/** What is said in jfk.wav (openai/whisper, tests/jfk.flac). */
const JFK =
  "And so, my fellow Americans, ask not what your country can do for you, ask what you can do for your country.";

/** Word error rate and invented words of each engine of `asr.transcribe` whose model is here. */
export const hearing: Benchmark = {
  name: "hearing",
  title: "speech recognition: word error rate on known words, words invented where nobody speaks",
  async run(options: RunOptions) {
    const { folder, say, smoke } = options;
    await pullModels("silero-vad");
    const silero = await findSilero();
    if (!silero.found) throw new Error(silero.help);
    await using vad = new VadThread(silero.path);
    const sentences = smoke ? SENTENCES.slice(0, 2) : SENTENCES;
    const spoken = await speech(sentences, folder);
    const seconds = smoke ? 5 : 60;
    const jfk = process.env.HEIMDEX_BENCH_JFK;
    const figures: Figure[] = [];
    const notes: string[] = [];
    for (const { id } of choicesFor("asr.transcribe")) {
      const opened = await openRecognizer(1, id);
      if (!opened.available) {
        notes.push(`${id}: not measured, ${opened.reason}`);
        continue;
      }
      const { recognizer } = opened;
      const heard = async (path: string): Promise<string> => {
        const { layer } = await transcribe(
          { vad, recognizer },
          {
            path,
            asset: "bench",
            scratch: join(folder, `scratch-${figures.length}`),
            speechThreshold: 0.5,
            phrases: { pauseMs: 600, maxPhraseMs: 10_000, minConfidence: 0.1 },
            signal: new AbortController().signal,
            onProgress() {},
            onCpu() {},
          },
        );
        return layer.items.map(({ text }) => text).join(" ");
      };
      say(`${recognizer.engine} with ${id}`);
      const name = (what: string) => `${recognizer.engine}, ${id}: ${what}`;
      const text = await heard(spoken);
      figures.push({
        name: name("words wrong, made speech"),
        unit: "%",
        value: 100 * wordErrorRate(sentences.join(" "), text),
      });
      notes.push(`${id} heard: ${text}`);
      if (jfk !== undefined) {
        const path = join(folder, "jfk.wav");
        await ffmpeg("-i", jfk, ...WAV, path);
        const text = await heard(path);
        figures.push({ name: name("words wrong, jfk.wav"), unit: "%", value: 100 * wordErrorRate(JFK, text) });
        notes.push(`${id} heard in jfk.wav: ${text}`);
      }
      for (const [what, graph] of Object.entries(WORDLESS)) {
        const path = join(folder, `${what.replaceAll(" ", "-")}.wav`);
        await ffmpeg("-f", "lavfi", "-i", graph, "-t", String(seconds), ...WAV, path);
        const words = spokenWords(await heard(path)).length;
        figures.push({
          name: name(`words invented in ${what}`),
          unit: "/min",
          value: (words * 60) / seconds,
          aim: { most: 0 },
        });
      }
    }
    return { figures, conditions: { words: spokenWords(sentences.join(" ")).length, voice: "flite rms" }, notes };
  },
};

const WAV = ["-ar", "16000", "-ac", "1", "-c:a", "pcm_s16le"];

async function ffmpeg(...args: string[]): Promise<void> {
  await promisify(execFile)("ffmpeg", ["-v", "error", "-nostdin", "-y", ...args]);
}

/** The sentences one after the other, with pauses, as a wav file. */
async function speech(sentences: readonly string[], folder: string): Promise<string> {
  const path = join(folder, "speech.wav");
  const inputs = sentences.flatMap((sentence) => ["-f", "lavfi", "-i", `flite=text='${sentence}':voice=rms`]);
  const padded = sentences.map((_, i) => `[${i}]apad=pad_dur=${PAUSE_S}[p${i}]`).join(";");
  const joined = `${sentences.map((_, i) => `[p${i}]`).join("")}concat=n=${sentences.length}:v=0:a=1`;
  await ffmpeg(...inputs, "-filter_complex", `${padded};${joined}`, ...WAV, path);
  return path;
}
