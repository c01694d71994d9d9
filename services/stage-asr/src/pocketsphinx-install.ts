import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { access, constants, readdir, stat } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { pipeline } from "node:stream/promises";
import type { StageModel } from "@heimdex/stage-sdk";

/** PocketSphinx as found on this machine. */
export interface PocketSphinxInstall {
  /** Absolute path of `pocketsphinx_batch`. */
  readonly binary: string;
  /** Folder of the acoustic model. */
  readonly acoustic: string;
  readonly languageModel: string;
  readonly dictionary: string;
  /** Options this build knows, such as `-remove_silence`: PocketSphinx 5 dropped some of those of 5prealpha. */
  readonly options: ReadonlySet<string>;
  readonly model: StageModel;
}

export type PocketSphinxSearch =
  | { readonly found: true; readonly install: PocketSphinxInstall }
  | { readonly found: false; readonly reason: "NO_TOOL" | "NO_MODEL"; readonly help: string };

/** Where packages put the models: Debian and Ubuntu, self-built, Homebrew on Apple and Intel machines. */
const MODEL_FOLDERS = [
  "/usr/share/pocketsphinx/model/en-us",
  "/usr/local/share/pocketsphinx/model/en-us",
  "/opt/homebrew/share/pocketsphinx/model/en-us",
];
const HELP =
  "Debian and Ubuntu: `apt-get install pocketsphinx pocketsphinx-en-us`. macOS: `brew install cmu-pocketsphinx`. " +
  "Or name the program in HEIMDEX_POCKETSPHINX and the model's folder in HEIMDEX_POCKETSPHINX_MODEL.";

/** Looks for the program on PATH (or HEIMDEX_POCKETSPHINX) and the US English model in the usual folders (or
 * HEIMDEX_POCKETSPHINX_MODEL: a folder with `en-us/`, `en-us.lm.bin` and `cmudict-en-us.dict`). */
export async function findPocketSphinx(env: NodeJS.ProcessEnv = process.env): Promise<PocketSphinxSearch> {
  const named = env.HEIMDEX_POCKETSPHINX;
  const programs = named
    ? [named]
    : (env.PATH ?? "")
        .split(delimiter)
        .filter(Boolean)
        .map((folder) => join(folder, "pocketsphinx_batch"));
  const binary = await first(programs, isProgram);
  if (binary === undefined) return { found: false, reason: "NO_TOOL", help: HELP };
  const modelFolder = env.HEIMDEX_POCKETSPHINX_MODEL;
  const folder = await first(modelFolder ? [modelFolder] : MODEL_FOLDERS, isModelFolder);
  if (folder === undefined) return { found: false, reason: "NO_MODEL", help: HELP };
  const acoustic = join(folder, "en-us");
  const languageModel = join(folder, "en-us.lm.bin");
  const dictionary = join(folder, "cmudict-en-us.dict");
  const files = (await readdir(acoustic)).sort().map((name) => join(acoustic, name));
  const sha256 = await digest([...files, languageModel, dictionary], folder);
  const model = { id: "pocketsphinx-en-us", sha256, licence: "BSD-2-Clause" };
  const options = await knownOptions(binary);
  if (!options.has("-ctm")) return { found: false, reason: "NO_TOOL", help: `${binary} prints no options. ${HELP}` };
  return { found: true, install: { binary, acoustic, languageModel, dictionary, options, model } };
}

/** Called without arguments it prints what it knows and exits 1. */
async function knownOptions(binary: string): Promise<Set<string>> {
  const printed = await new Promise<string>((resolve) => {
    execFile(binary, [], { timeout: 10_000, maxBuffer: 1 << 20 }, (_error, stdout, stderr) => resolve(stdout + stderr));
  });
  return new Set(Array.from(printed.matchAll(/^(-[a-z_]+)\s/gm), ([, option]) => option as string));
}

async function first(
  candidates: readonly string[],
  test: (path: string) => Promise<boolean>,
): Promise<string | undefined> {
  for (const candidate of candidates) if (await test(candidate)) return candidate;
  return undefined;
}

async function isProgram(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    async () => (await stat(path)).isFile(),
    () => false,
  );
}

async function isModelFolder(folder: string): Promise<boolean> {
  const wanted = ["en-us/mdef", "en-us/feat.params", "en-us.lm.bin", "cmudict-en-us.dict"];
  const there = await Promise.all(
    wanted.map((name) =>
      access(join(folder, name)).then(
        () => true,
        () => false,
      ),
    ),
  );
  return there.every(Boolean);
}

/** One digest over names and contents, so that any other file of the model gives another. */
async function digest(files: readonly string[], root: string): Promise<string> {
  const all = createHash("sha256");
  for (const file of files) {
    const one = createHash("sha256");
    await pipeline(createReadStream(file), one);
    all.update(`${file.slice(root.length)} ${one.digest("hex")}\n`);
  }
  return all.digest("hex");
}
