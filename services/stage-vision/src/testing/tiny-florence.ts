import { readFileSync } from "node:fs";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import type { Picture } from "@heimdex/engine";
import { z } from "zod";

const FOLDER = fileURLToPath(new URL("./tiny-florence/", import.meta.url));

/** What the tiny captioner says of pictures, as onnxruntime, tokenizers and Pillow made it: tiny-florence/make.py. */
export const REFERENCE = z
  .array(
    z.object({
      width: z.int(),
      height: z.int(),
      shade: z.int(),
      task: z.enum(["<CAPTION>", "<DETAILED_CAPTION>", "<MORE_DETAILED_CAPTION>"]),
      text: z.string(),
      /** Of the text, with those at its start and end. */
      tokens: z.int(),
    }),
  )
  .parse(JSON.parse(readFileSync(join(FOLDER, "reference.json"), "utf8")));

/** A copy of the tiny captioner that a test may spoil. */
export async function tinyFlorence(t: TestContext, dir?: string): Promise<string> {
  const folder = dir ?? (await mkdtemp(join(tmpdir(), "heimdex-florence-")));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await cp(FOLDER, folder, {
    recursive: true,
    filter: (source) => !source.endsWith("make.py") && !source.endsWith("reference.json"),
  });
  return folder;
}

/** A picture by the formula that make.py has too: 8-bit RGB. */
export function chequered(width: number, height: number, shade: number): Picture {
  const rgb = new Uint8Array(width * height * 3);
  for (let y = 0, at = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let c = 0; c < 3; c++) rgb[at++] = (Math.floor(x / 40) * 53 + Math.floor(y / 30) * 29 + c * shade) % 256;
  return { width, height, rgb };
}
