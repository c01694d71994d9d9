import { execFile } from "node:child_process";
import { access, constants, stat } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { locateModel } from "@heimdex/models";
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

const MODEL = "pocketsphinx-en-us";
const HELP =
  "Debian and Ubuntu: `apt-get install pocketsphinx pocketsphinx-en-us`. macOS: `brew install cmu-pocketsphinx`. " +
  "Or name the program in HEIMDEX_POCKETSPHINX and the model's folder in HEIMDEX_POCKETSPHINX_MODEL.";

/** Looks for the program on PATH (or HEIMDEX_POCKETSPHINX) and, as `locateModel` does, for the US English model. */
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
  const located = await locateModel(MODEL, { env });
  if (!located.available) return { found: false, reason: located.reason, help: located.help };
  const { dir, sha256, licence } = located;
  const options = await knownOptions(binary);
  if (!options.has("-ctm")) return { found: false, reason: "NO_TOOL", help: `${binary} prints no options. ${HELP}` };
  return {
    found: true,
    install: {
      binary,
      acoustic: join(dir, "en-us"),
      languageModel: join(dir, "en-us.lm.bin"),
      dictionary: join(dir, "cmudict-en-us.dict"),
      options,
      model: { id: MODEL, sha256, licence },
    },
  };
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
