import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { HeimdexError } from "@heimdex/errors";
import { findFfmpeg } from "@heimdex/media";
import { findProgram } from "../player.ts";
import { type Finding, ok, problem, warning } from "./finding.ts";

const OLDEST_NODE = 24;
const run = promisify(execFile);

/** What most footage is coded with. */
const DECODERS = [
  "h264",
  "hevc",
  "mpeg2video",
  "mpeg4",
  "vp9",
  "prores",
  "aac",
  "mp3",
  "ac3",
  "opus",
  "flac",
  "pcm_s16le",
];
/** Folders with the US English model, as packages install it. */
const SPHINX_MODELS = [
  "/usr/share/pocketsphinx/model/en-us",
  "/usr/local/share/pocketsphinx/model/en-us",
  "/opt/homebrew/share/pocketsphinx/model/en-us",
];
const SPHINX_INSTALL =
  process.platform === "darwin"
    ? "brew install cmu-pocketsphinx"
    : "sudo apt-get install pocketsphinx pocketsphinx-en-us";

export function checkNode(version = process.versions.node): Finding {
  const major = Number(version.split(".")[0]);
  return major >= OLDEST_NODE
    ? ok("node", version)
    : problem("node", `${version} is too old`, `Run \`make setup\`: it brings Node ${OLDEST_NODE}.`);
}

/** ffmpeg itself, what it can decode, and what the demo's speech is made with. */
export async function checkFfmpeg(env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<Finding[]> {
  let ffmpeg: string;
  let version: string;
  try {
    const found = await findFfmpeg(signal);
    ffmpeg = found.ffmpeg.path;
    version = found.ffmpeg.version;
  } catch (reason) {
    signal.throwIfAborted();
    const error = HeimdexError.from(reason);
    return [problem("ffmpeg", error.message, error.help)];
  }
  const [decoders, filters] = await Promise.all(
    ["-decoders", "-filters"].map(
      async (list) => (await run(ffmpeg, ["-hide_banner", list], { signal, maxBuffer: 4 * 1024 ** 2 })).stdout,
    ),
  );
  const has = (text: string | undefined, name: string) => new RegExp(`^ \\S+ +${name} `, "m").test(text ?? "");
  const missing = DECODERS.filter((name) => !has(decoders, name));
  const codecs =
    missing.length === 0
      ? ok("ffmpeg decoders", `${DECODERS.length} common ones are there`)
      : warning(
          "ffmpeg decoders",
          `missing: ${missing.join(", ")}`,
          "Install a full build of ffmpeg to read such footage.",
        );
  const voice = has(filters, "flite")
    ? ok("voice for the demo", "ffmpeg's flite source")
    : findProgram("espeak-ng", env) !== undefined
      ? ok("voice for the demo", "espeak-ng")
      : warning(
          "voice for the demo",
          "neither ffmpeg's flite source nor espeak-ng is there",
          `Only \`heimdex demo\` needs one: ${process.platform === "darwin" ? "brew" : "sudo apt-get"} install espeak-ng.`,
        );
  return [ok("ffmpeg", `${version} (${ffmpeg})`), codecs, voice];
}

/** The recognizer of the bundled profile. */
export function checkPocketSphinx(env: NodeJS.ProcessEnv): Finding {
  const binary = env.HEIMDEX_POCKETSPHINX || findProgram("pocketsphinx_batch", env);
  if (binary === undefined || !existsSync(binary))
    return problem(
      "pocketsphinx",
      "pocketsphinx_batch was not found",
      `${SPHINX_INSTALL}. Without it nothing that is said can be found.`,
    );
  const folders = env.HEIMDEX_POCKETSPHINX_MODEL ? [env.HEIMDEX_POCKETSPHINX_MODEL] : SPHINX_MODELS;
  const model = folders.find(
    (folder) => existsSync(join(folder, "en-us.lm.bin")) && existsSync(join(folder, "cmudict-en-us.dict")),
  );
  if (model === undefined)
    return problem(
      "pocketsphinx",
      `no US English model in ${folders.join(", ")}`,
      `${SPHINX_INSTALL}, or name its folder in HEIMDEX_POCKETSPHINX_MODEL.`,
    );
  return ok("pocketsphinx", `${binary}, model in ${model}`);
}
