import { findProgram } from "../player.ts";
import type { Program } from "./program.ts";

/** Makes a file with what is said. */
export type Voice = (text: string, file: string) => Promise<void>;

/** The first of these that is there: ffmpeg's flite source, macOS's own voices, espeak-ng. In this order, as the bundled recognizer understands them best
 * to least. Undefined when there is none. */
export async function findVoice(
  ffmpeg: Program,
  env: NodeJS.ProcessEnv,
): Promise<{ readonly name: string; readonly speak: Voice } | undefined> {
  if (/^ \S+ +flite /m.test(await ffmpeg.run(["-filters"]))) {
    return {
      name: "flite",
      speak: async (text, file) =>
        void (await ffmpeg.run([
          "-f",
          "lavfi",
          "-i",
          `flite=text='${text}':voice=rms`,
          "-ar",
          "16000",
          "-bitexact",
          file,
        ])),
    };
  }
  const say = process.platform === "darwin" ? findProgram("say", env) : undefined;
  if (say !== undefined) {
    const program = ffmpeg.other(say);
    return {
      name: "say",
      speak: async (text, file) => void (await program.run(["--data-format=LEI16@16000", "-o", file, text])),
    };
  }
  const espeak = findProgram("espeak-ng", env);
  if (espeak === undefined) return undefined;
  const program = ffmpeg.other(espeak);
  return {
    name: "espeak-ng",
    speak: async (text, file) => void (await program.run(["-v", "en-us", "-s", "140", "-w", file, text])),
  };
}
