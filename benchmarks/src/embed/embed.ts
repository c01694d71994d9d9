import { spawn } from "node:child_process";
import { text as textOf } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { locateModel } from "@heimdex/models";
import { SENTENCE_MODELS, SentenceEmbedder, threadsFor, WORD_MODEL, WordEmbedder } from "@heimdex/stage-embed";
import { z } from "zod";
import type { Benchmark, Figure } from "../common/benchmark.ts";
import { summarise } from "../common/statistics.ts";
import { MadeMoments } from "../search/made-moments.ts";

const SENTENCES = "all-minilm-l6-v2";
const never = new AbortController().signal;

/** Texts of 25 words through the bundled word vectors; through MiniLM, and through the same model in Python, in turns. */
export const embed: Benchmark = {
  name: "embed",
  title: "texts embedded per second: word vectors, MiniLM, and the same MiniLM in Python",
  async run({ smoke, say }) {
    const made = await MadeMoments.load();
    const texts = Array.from({ length: smoke ? 4 : 300 }, () => made.query(25));
    const runs = smoke ? 1 : 5;
    const figures: Figure[] = [];
    const notes: string[] = [];
    const rate = (name: string, rates: readonly number[], aim?: Figure["aim"]) => {
      const spread = summarise(rates);
      figures.push({ name, unit: "texts/s", value: spread.median, spread, ...(aim && { aim }) });
      return spread.median;
    };
    const cost = (name: string, values: readonly number[]) => {
      const spread = summarise(values);
      figures.push({ name, unit: "ms/text", value: spread.median, spread });
    };

    const words = await locateModel(WORD_MODEL);
    if (!words.available) throw new Error(words.help);
    await using average = new WordEmbedder(words);
    await average.warmUp();
    const averaged = [];
    for (let run = 0; run < runs; run++)
      averaged.push((await timed(texts, () => average.embedTexts(texts, () => {}))).rate);
    rate("word vectors", averaged);

    const located = await locateModel(SENTENCES);
    const model = SENTENCE_MODELS.find(({ id }) => id === SENTENCES);
    if (!located.available || model === undefined) {
      notes.push(`MiniLM was not measured: ${located.available ? "" : located.help}`);
    } else {
      await using embedder = new SentenceEmbedder(model, located);
      await embedder.embedTexts(texts.slice(0, 2), () => {}, never);
      const [ours, alone, batched]: [number[], number[], number[]] = [[], [], []];
      const [ownCpu, theirCpu]: [number[], number[]] = [[], []];
      let furthest = 0;
      for (let run = 0; run < runs; run++) {
        const { value, rate: own } = await timed(texts, () => embedder.embedTexts(texts, () => {}, never));
        ours.push(own);
        ownCpu.push(value.cpuMs / texts.length);
        const reference = await inPython({ dir: located.dir, texts, threads: threadsFor("batch") });
        if (typeof reference === "string") {
          notes.push(`Python was not measured: ${reference}`);
          break;
        }
        alone.push(texts.length / reference.alone_s);
        theirCpu.push((1000 * reference.alone_cpu_s) / texts.length);
        batched.push(texts.length / reference.batched_s);
        for (const [i, vector] of reference.vectors.entries())
          for (const [k, x] of vector.entries())
            furthest = Math.max(furthest, Math.abs(x - (value.vectors[i]?.[k] ?? 2)));
        say(`run ${run + 1}: ${own.toFixed(0)} texts/s, in Python ${(texts.length / reference.alone_s).toFixed(0)}`);
      }
      const own = rate("MiniLM", ours);
      if (alone.length > 0) {
        const theirs = rate("MiniLM in Python, one text at a time", alone);
        rate("MiniLM in Python, 32 at a time", batched);
        figures.push({ name: "MiniLM, ours over Python's", unit: "times", value: own / theirs, aim: { least: 1 } });
        // On a machine that does other work as well the processor time tells more.
        cost("MiniLM, processor time", ownCpu);
        cost("MiniLM in Python, one text at a time, processor time", theirCpu);
        figures.push({
          name: "MiniLM, largest difference of a number",
          unit: "",
          value: furthest,
          aim: { most: 1e-5 },
        });
      }
    }
    const conditions = { texts: texts.length, words_each: 25, threads: threadsFor("batch") };
    return { figures, conditions, ...(notes.length > 0 && { notes }) };
  },
};

async function timed<T>(texts: readonly string[], work: () => Promise<T>): Promise<{ value: T; rate: number }> {
  const begun = performance.now();
  const value = await work();
  return { value, rate: texts.length / ((performance.now() - begun) / 1000) };
}

const answer = z.object({
  alone_s: z.number(),
  alone_cpu_s: z.number(),
  batched_s: z.number(),
  vectors: z.array(z.array(z.number())),
});

/** What reference.py says, or why it says nothing. The interpreter is `HEIMDEX_BENCH_PYTHON`, else `python3`; it needs onnxruntime, tokenizers and NumPy. */
async function inPython(request: object): Promise<z.output<typeof answer> | string> {
  const script = fileURLToPath(new URL("./reference.py", import.meta.url));
  const child = spawn(process.env.HEIMDEX_BENCH_PYTHON ?? "python3", [script], { stdio: ["pipe", "pipe", "pipe"] });
  const exited = new Promise<number | null>((resolve, reject) => child.once("close", resolve).once("error", reject));
  child.stdin.on("error", () => {}); // it ended before it read: its exit code says so
  child.stdin.end(JSON.stringify(request));
  try {
    const [out, errors, code] = await Promise.all([textOf(child.stdout), textOf(child.stderr), exited]);
    if (code !== 0) return errors.trim().split("\n").at(-1) ?? `it ended with ${code}`;
    return answer.parse(JSON.parse(out));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "there is no Python here";
    throw error;
  }
}
