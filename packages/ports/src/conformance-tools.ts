import type { ErrorId } from "@heimdex/errors";
import { HeimdexError } from "@heimdex/errors";

/** For `assert.rejects`: holds for a HeimdexError of this id and none else. */
export function withId(id: ErrorId): (error: unknown) => boolean {
  return (error) => {
    if (error instanceof HeimdexError && error.id === id) return true;
    throw new Error(`expected HeimdexError ${id}, got ${error}`, { cause: error });
  };
}

/** Orders texts as every adapter must: by their UTF-8 bytes, which is not the order of JavaScript's own comparison. */
export function byUtf8(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** Texts that key encodings get wrong: empty-looking, quoting, wildcards, separators, all widths of UTF-8, unnormalised. */
export const ODD_TEXTS: readonly string[] = [
  " ",
  "  two  spaces ",
  "a.b",
  "a/b\\c",
  "a:b",
  "$where",
  "100%_like*?[x]",
  "'; drop table docs; --",
  '{"json":1}',
  "line\nbreak\ttab",
  "control\u0001\u007f",
  "Ünïcödé",
  "u\u0308 decomposed",
  "ü decomposed",
  "日本語",
  "\uffee wide",
  "🎬 clapper",
  "ID",
  "id",
  "toString",
  "__proto__",
  "constructor",
  "0",
  "00",
  "-1",
  "null",
  "undefined",
];
