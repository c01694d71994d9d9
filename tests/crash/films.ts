import { createHash } from "node:crypto";

/** What the made-up film number `n` holds, and what stages make of it: pure, so that the test can say what must have come out. */
export function film(n: number): string {
  return JSON.stringify({ film: n, words: wordsOf(n) });
}

/** A word in all films, and one that is this film's alone. */
export function wordsOf(n: number): string[] {
  const own = [...`${n}`].map((digit) => String.fromCharCode(97 + Number(digit))).join("");
  return ["survivor", `zebra${own}zulu`];
}

export function pictureOf(fingerprint: string, index: number): Buffer {
  return Buffer.alloc(6_000, `${fingerprint} ${index} `);
}

export const PICTURES = 10;

export function sha256(bytes: Uint8Array | string): string {
  return createHash("sha256").update(bytes).digest("hex");
}
