import { HeimdexError } from "@heimdex/errors";

/** Largest payload of a message, bytes of its JSON. */
export const MAX_PAYLOAD_BYTES = 1024 * 1024;

const TOKEN = /^[^\s.*>\p{Cc}]+$/u;

/** @throws HeimdexError INVALID_ARGUMENT unless it is dot-separated tokens without wildcards, at most 256 characters */
export function checkSubject(subject: string): void {
  if (subject.length > 256 || !subject.split(".").every((token) => TOKEN.test(token)))
    throw new HeimdexError("INVALID_ARGUMENT", `${JSON.stringify(subject)} is no subject`);
}

/** @throws HeimdexError INVALID_ARGUMENT unless it is a subject in which tokens may be `*` and the last one may be `>` */
export function checkPattern(pattern: string): void {
  const tokens = pattern.split(".");
  const fine = tokens.every(
    (token, i) => token === "*" || (token === ">" && i === tokens.length - 1) || TOKEN.test(token),
  );
  if (pattern.length > 256 || !fine)
    throw new HeimdexError("INVALID_ARGUMENT", `${JSON.stringify(pattern)} is no subject, nor a pattern of one`);
}

/** Compiles a pattern: `*` stands for exactly one token, a final `>` for one or more. */
export function subjectMatcher(pattern: string): (subject: string) => boolean {
  if (!/[*>]/.test(pattern)) return (subject) => subject === pattern;
  const wanted = pattern.split(".");
  const open = wanted.at(-1) === ">";
  if (open) wanted.pop();
  return (subject) => {
    const tokens = subject.split(".");
    if (open ? tokens.length <= wanted.length : tokens.length !== wanted.length) return false;
    return wanted.every((token, i) => token === "*" || token === tokens[i]);
  };
}

/** The JSON of a payload; `undefined` goes as `null`, as nothing else can cross a wire.
 * @throws HeimdexError INVALID_ARGUMENT when it is no JSON or larger than `MAX_PAYLOAD_BYTES` */
export function encodePayload(subject: string, payload: unknown): string {
  let json: string | undefined;
  try {
    json = JSON.stringify(payload ?? null);
  } catch (cause) {
    throw new HeimdexError("INVALID_ARGUMENT", `the payload for ${subject} is no JSON`, { cause });
  }
  if (json === undefined) throw new HeimdexError("INVALID_ARGUMENT", `the payload for ${subject} is no JSON`);
  if (json.length * 3 > MAX_PAYLOAD_BYTES && Buffer.byteLength(json) > MAX_PAYLOAD_BYTES)
    throw new HeimdexError("INVALID_ARGUMENT", `the payload for ${subject} exceeds ${MAX_PAYLOAD_BYTES} bytes`);
  return json;
}
