import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { MediaError, runChild } from "@heimdex/media";
import { type FailureKind, StageFailure, type StageModel } from "@heimdex/stage-sdk";
import { parseCtm } from "./ctm.ts";
import { languageUnsupported } from "./engine-failure.ts";
import { fitWords } from "./fit-words.ts";
import type { PocketSphinxInstall } from "./pocketsphinx-install.ts";
import type { RecognizedRegion, RecognizeOptions, Recognizer } from "./recognizer.ts";
import type { SpeechRegion } from "./speech-segmenter.ts";
import type { WavAudio } from "./wav-audio.ts";

/** One frame of PocketSphinx. */
const FRAME_MS = 10;
/** Speech given to one process. The models take about 0.4 s to load, so less would waste; more would lose more when one
 * crashes, and report the words later. */
const BATCH_MS = 120_000;
/** Less is not worth a second process. */
const MIN_BATCH_MS = 5_000;
/** Far above the real time factor of 0.35 measured on one core, for slow and busy machines. */
const WALL_PER_AUDIO = 20;
const WALL_BASE_MS = 60_000;
/** The US English models were seen to need 130 MB of address space; other models in the same format may be larger. */
const MEMORY_BYTES = 1_536 * 1024 * 1024;
/** What it logs, and the CTM file it writes: some 100 bytes a second of speech each. */
const OUTPUT_BYTES = 64 * 1024 * 1024;

/** Beams. Against the program's defaults, these two limits decode the same words from made and real speech in two
 * thirds of the time. Neither noise removal nor its own silence removal: the voice detector has done the second, and with
 * the first it hears words in held tones. */
const SETTINGS: Readonly<Record<string, string>> = {
  "-maxhmmpf": "8000",
  "-maxwpf": "20",
  "-remove_noise": "no",
  "-remove_silence": "no",
  "-loglevel": "INFO",
};

/** CMU PocketSphinx (github.com/cmusphinx/pocketsphinx) with its general US English model, as a child process:
 * `pocketsphinx_batch` reads the regions straight from the wav file and writes words with times and posteriors (CTM). Its
 * answer for a region depends on that region alone. */
export class PocketSphinx implements Recognizer {
  readonly engine = "pocketsphinx";
  readonly language = "en-US";
  readonly models: readonly StageModel[];
  readonly #install: PocketSphinxInstall;
  readonly #threads: number;

  /** @param threads regions recognised side by side, each in a process of its own */
  constructor(install: PocketSphinxInstall, threads: number) {
    this.#install = install;
    this.#threads = Math.max(1, threads);
    this.models = [install.model];
  }

  /** Nothing to load: each batch is a process. */
  async start(): Promise<void> {}

  async recognize(
    audio: WavAudio,
    regions: readonly SpeechRegion[],
    options: RecognizeOptions,
  ): Promise<RecognizedRegion[]> {
    const wanted = options.language === undefined ? "en" : new Intl.Locale(options.language).language;
    if (wanted !== "en") throw languageUnsupported(this.#install.model.id, "it knows US English only");
    const batches = splitIntoBatches(regions, this.#threads);
    const results: RecognizedRegion[][] = [];
    // One failed batch ends the others: the attempt fails as a whole.
    const stop = new AbortController();
    const signal = AbortSignal.any([options.signal, stop.signal]);
    const queue = batches.entries();
    const work = async () => {
      for (const [index, batch] of queue) {
        const scratch = join(options.scratch, `batch-${index}`);
        results[index] = await this.#batch(audio, batch, { ...options, scratch, signal });
      }
    };
    const workers = Array.from({ length: Math.min(this.#threads, batches.length) }, () =>
      work().catch((error) => {
        stop.abort(error);
        throw error;
      }),
    );
    const outcomes = await Promise.allSettled(workers); // nobody is left running when this returns
    options.signal.throwIfAborted();
    if (stop.signal.aborted) throw stop.signal.reason;
    for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
    return results.flat();
  }

  async #batch(
    audio: WavAudio,
    regions: readonly SpeechRegion[],
    options: RecognizeOptions,
  ): Promise<RecognizedRegion[]> {
    const { scratch } = options;
    await mkdir(scratch, { recursive: true });
    // The control file splits at blanks, so the audio gets a plain name here.
    await symlink(audio.path, join(scratch, "audio"));
    const ids = new Map(regions.map((region, index) => [`u${index}`, region]));
    await writeFile(join(scratch, "control"), Array.from(ids, ([id, region]) => controlLine(id, region)).join(""));
    const done = new Set<string>();
    const speechMs = regions.reduce((sum, { startMs, endMs }) => sum + endMs - startMs, 0);
    try {
      const { cpuMs, logTail } = await runChild(this.#install.binary, this.#args(scratch, audio.dataOffset), {
        limits: {
          wallMs: WALL_BASE_MS + WALL_PER_AUDIO * speechMs,
          memoryBytes: MEMORY_BYTES,
          outputBytes: OUTPUT_BYTES,
        },
        signal: options.signal,
        onLog: (line) => {
          // Once for each region: `INFO: batch.c(760): u3: 10.99 seconds speech, 2.86 seconds CPU, ...`
          const id = /: (u\d+): [\d.]+ seconds speech,/.exec(line)?.[1] ?? "";
          const region = ids.get(id);
          if (region === undefined || done.has(id)) return;
          done.add(id);
          options.onRegion(region);
        },
      });
      options.onCpu(cpuMs);
      // It skips what it cannot read and still exits with 0.
      if (done.size < regions.length) {
        const skipped = `${regions.length - done.size} of ${regions.length} regions were skipped`;
        throw recognizerFailed("RETRYABLE", "RECOGNIZER_FAILED", skipped, logTail);
      }
    } catch (error) {
      if (!(error instanceof MediaError)) throw error;
      options.onCpu(error.cpuMs);
      const kind = error.reason === "MEMORY_LIMIT" || error.reason === "DISK_FULL" ? "RESOURCE" : "RETRYABLE";
      const reason = error.reason === "TIME_LIMIT" ? "RECOGNIZER_TIMEOUT" : "RECOGNIZER_FAILED";
      throw recognizerFailed(kind, reason, error.message, error.logTail, error);
    }
    const words = parseCtm(await readFile(join(scratch, "ctm"), "utf8"));
    return Array.from(ids, ([id, region]) => ({
      region,
      words: fitWords(words.get(id) ?? [], region.endMs - region.startMs),
    }));
  }

  #args(scratch: string, dataOffset: number): string[] {
    const { acoustic, languageModel, dictionary, options } = this.#install;
    const args = ["-hmm", acoustic, "-lm", languageModel, "-dict", dictionary];
    args.push("-ctl", join(scratch, "control"), "-cepdir", scratch, "-cepext", "", "-adcin", "yes");
    args.push("-adchdr", String(dataOffset), "-ctm", join(scratch, "ctm"));
    for (const [option, value] of Object.entries(SETTINGS)) if (options.has(option)) args.push(option, value);
    return args;
  }
}

/** `FILE START END ID`, in frames. It reads one analysis window (25.6 ms) past the end frame, so the end comes three
 * frames early: no region reads beyond its own audio. */
function controlLine(id: string, { startMs, endMs }: SpeechRegion): string {
  const start = Math.floor(startMs / FRAME_MS);
  const end = Math.max(start + 1, Math.floor(endMs / FRAME_MS) - 3);
  return `audio ${start} ${end} ${id}\n`;
}

/** Regions in order, in lists of at most `BATCH_MS` of speech, and enough of them to keep `threads` processes busy. */
function splitIntoBatches(regions: readonly SpeechRegion[], threads: number): SpeechRegion[][] {
  const total = regions.reduce((sum, { startMs, endMs }) => sum + endMs - startMs, 0);
  const target = Math.min(BATCH_MS, Math.max(MIN_BATCH_MS, total / threads));
  const batches: SpeechRegion[][] = [];
  let room = 0;
  for (const region of regions) {
    const length = region.endMs - region.startMs;
    if (room <= 0) {
      batches.push([]);
      room = target;
    }
    batches.at(-1)?.push(region);
    room -= length;
  }
  return batches;
}

function recognizerFailed(
  kind: FailureKind,
  reason: string,
  why: string,
  logTail?: string,
  cause?: Error,
): StageFailure {
  return new StageFailure(kind, reason, `Speech recognition failed: ${why}.`, {
    help: "See the last lines it printed. `heimdex doctor` checks the installation of PocketSphinx.",
    ...(logTail === undefined ? {} : { logTail }),
    cause,
  });
}
