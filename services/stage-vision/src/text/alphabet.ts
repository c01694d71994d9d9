import { readFile } from "node:fs/promises";

/** Classes of the recognizer from its dictionary, one character a line: the blank first, then the dictionary, then the
 * space, which PaddleOCR appends (`use_space_char`). `ppocr_keys_v1.txt` has 6,623: about 6,270 Chinese characters, ASCII,
 * full-width forms, some Greek, Cyrillic and accented Latin letters (as pinyin needs them), so it reads Chinese and English.
 * A line may be a white space character: nothing is trimmed. */
export function parseAlphabet(dictionary: string): string[] {
  const lines = dictionary.split(/\r?\n/);
  if (lines.at(-1) === "") lines.pop();
  return ["", ...lines, " "];
}

/** @param file UTF-8 */
export async function readAlphabet(file: string): Promise<string[]> {
  return parseAlphabet(await readFile(file, "utf8"));
}
