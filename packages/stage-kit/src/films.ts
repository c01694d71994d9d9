import { randomBytes } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { runFfmpeg } from "@heimdex/media";

/** What an input is like.
 * - plain: three seconds with picture and sound
 * - long: ten minutes of the same
 * - blank: black and silent; layers are empty, lists of pictures too
 * - no_sound, no_picture: the plain film without that stream
 * - corrupt: no media at all; pictures and sound that cannot be decoded */
export type FilmKind = "plain" | "long" | "blank" | "no_sound" | "no_picture" | "corrupt";

export const FILM_MS = 3_000;
export const LONG_MS = 600_000;
const PICTURE = "160x120";

const ARGS: Readonly<Record<Exclude<FilmKind, "long" | "corrupt">, string>> = {
  plain: `-f lavfi -i testsrc2=s=${PICTURE}:r=10:d=1.5 -f lavfi -i color=white:s=${PICTURE}:r=10:d=1.5 -f lavfi -i sine=f=440:d=3 -filter_complex [0][1]concat=n=2[v] -map [v] -map 2:a`,
  blank: `-f lavfi -i color=black:s=${PICTURE}:r=10:d=3 -f lavfi -i anullsrc=r=44100:cl=mono -t 3`,
  no_sound: `-f lavfi -i testsrc2=s=${PICTURE}:r=10:d=3`,
  no_picture: "-f lavfi -i sine=f=440:d=3",
};
const CODECS = "-c:v mpeg4 -c:a aac -movflags +faststart";

/** Makes the kit's films with ffmpeg, each kind once, and hands out files that all differ. */
export class Films {
  readonly #folder: string;
  readonly #made = new Map<string, Promise<Uint8Array>>();
  readonly #noise = randomBytes(20_000);
  #count = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** A new file of a kind: its bytes are those of no other, so that nothing about it is cached. Says where it is.
   * @param name file name without ending, for people; `-` and a number follow */
  async file(kind: FilmKind, name: string): Promise<{ uri: string; sourceName: string; path: string; bytes: Buffer }> {
    const sourceName = `${name}-${++this.#count}.mp4`;
    const path = join(this.#folder, "films", sourceName);
    await mkdir(join(this.#folder, "films"), { recursive: true });
    const bytes = kind === "corrupt" ? randomBytes(20_000) : Buffer.concat([await this.#film(kind), freeBox()]);
    await writeFile(path, bytes);
    return { uri: pathToFileURL(path).href, sourceName, path, bytes };
  }

  /** Keyframes of a kind of film: JPEGs, half a second apart. */
  async pictures(kind: FilmKind): Promise<Uint8Array[]> {
    if (kind === "corrupt") return [this.#noise.subarray(0, 2_000), this.#noise.subarray(2_000, 4_000)];
    if (kind === "blank" || kind === "no_picture") return [];
    const four = await Promise.all([0, 1, 2, 3].map((at) => this.#picture(at)));
    return kind === "long" ? Array.from({ length: 24 }, (_, at) => four[at % 4] as Uint8Array) : four;
  }

  /** 16 kHz mono WAV of a kind of film; undefined where it has no sound. */
  async sound(kind: FilmKind): Promise<Uint8Array | undefined> {
    if (kind === "no_sound") return undefined;
    if (kind === "corrupt") return this.#noise;
    const input = kind === "blank" ? "anullsrc=r=16000:cl=mono" : "sine=f=440:r=16000";
    const seconds = kind === "long" ? 120 : FILM_MS / 1000;
    return this.#make(`${kind}.wav`, `-f lavfi -i ${input} -t ${seconds} -ac 1 -ar 16000 -c:a pcm_s16le`);
  }

  #picture(at: number): Promise<Uint8Array> {
    const input = `testsrc2=s=640x480:r=2:d=3,trim=start_frame=${at}`;
    return this.#make(`${at}.jpg`, `-f lavfi -i ${input} -frames:v 1 -q:v 3`);
  }

  #film(kind: Exclude<FilmKind, "corrupt">): Promise<Uint8Array> {
    if (kind !== "long") return this.#make(`${kind}.mp4`, `${ARGS[kind]} ${CODECS}`);
    const loops = LONG_MS / FILM_MS - 1;
    const plain = join(this.#folder, "plain.mp4");
    return this.#film("plain").then(() =>
      this.#make("long.mp4", `-stream_loop ${loops} -i ${plain} -c copy -movflags +faststart`),
    );
  }

  #make(name: string, args: string): Promise<Uint8Array> {
    const path = join(this.#folder, name);
    const made =
      this.#made.get(name) ??
      runFfmpeg([...args.split(" ").filter(Boolean), path]).then(async () => new Uint8Array(await readFile(path)));
    this.#made.set(name, made);
    return made;
  }
}

/** A box that MP4 readers skip (ISO/IEC 14496-12, 8.1.2), with random bytes. */
function freeBox(): Buffer {
  const head = Buffer.alloc(8, "\0\0\0\0free", "latin1");
  head.writeUInt32BE(8 + 16);
  return Buffer.concat([head, randomBytes(16)]);
}
