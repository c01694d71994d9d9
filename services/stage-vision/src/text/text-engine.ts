import { hostEngine, readPicture, restrictFormats } from "@heimdex/engine";
import type { Sighting } from "./sighting.ts";
import { type ReadOptions, type TextModelFiles, TextReader } from "./text-reader.ts";

/** What the engine process is started with. */
export interface TextEngineInit {
  readonly files: TextModelFiles;
  readonly threads: number;
}

/** One picture to read: a local file or its bytes. */
export interface TextRequest extends ReadOptions {
  readonly picture: string | Uint8Array;
}

hostEngine<TextEngineInit, TextRequest, Sighting[]>(async ({ files, threads }) => {
  restrictFormats();
  const reader = await TextReader.open(files, threads);
  return async ({ picture, ...options }) => reader.read(await readPicture(picture), options);
});
