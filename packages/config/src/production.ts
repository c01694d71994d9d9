import { Secret } from "./secret.ts";
import type { Setting } from "./settings.ts";

/** What production refuses of a setting: in words that follow the variable's name, or undefined where nothing is wrong.
 * @param value as parsed; undefined where it is not set
 * @param beside what is parsed of the object that the setting is in
 * @param isOwn whether a host is this machine, so that what goes there crosses no network */
export type ProductionRule = (
  value: unknown,
  beside: Readonly<Record<string, unknown>>,
  isOwn: (host: string) => boolean,
) => string | undefined;

/** A bad setting, as CONFIG_INVALID has it. */
export interface Refusal {
  readonly field: string;
  readonly description: string;
}

/** Shorter than what any of our own makes, and than a store's access key; longer than what people make up. */
const LEAST_LENGTH = 16;
/** A random text of the least length has fewer distinct characters than this once in a hundred thousand times. */
const LEAST_DISTINCT = 8;
/** Words that stand in credentials that everybody knows: defaults of servers, examples of manuals, and what stands in for a secret. A random text of 43
 * characters has one of them less than once in a million times. */
const KNOWN =
  /minioadmin|heimdex|passwor[dt]|passw0rd|change.?me|example|placeholder|default|letmein|qwerty|12345678|secret|insecure|your.?key|test.?key|dummy/i;

/** A setting with what is parsed of it. */
export interface Read {
  readonly setting: Setting;
  readonly value: unknown;
}

/** Everything that production refuses of what is set: credentials that are short, known or used twice, and what settings say of themselves.
 * @param ownMachine names of this machine besides those of the loopback interface, separated by commas */
export function productionRefusals(read: readonly Read[], ownMachine: string): Refusal[] {
  const names = ownMachine.split(",").map((name) => name.trim());
  const isOwn = (host: string) => LOOPBACK.test(host) || names.includes(host);
  const refusals: Refusal[] = [];
  const users = new Map<string, string>();
  for (const { setting, value } of read) {
    const { variable, path, production } = setting;
    const said = production?.(value, beside(read, path), isOwn);
    if (said !== undefined) refusals.push({ field: variable, description: said });
    for (const credential of credentialsOf(setting, value)) {
      const wrong = weakness(credential);
      if (wrong !== undefined) refusals.push({ field: variable, description: wrong });
      const user = users.get(credential);
      if (user === undefined) users.set(credential, variable);
      else refusals.push({ field: variable, description: `another credential than that of ${user} is expected` });
    }
  }
  return refusals;
}

function beside(read: readonly Read[], path: readonly string[]): Record<string, unknown> {
  const within = path.slice(0, -1).join(".");
  const siblings = read.filter(({ setting }) => setting.path.slice(0, -1).join(".") === within);
  return Object.fromEntries(siblings.map(({ setting, value }) => [setting.path.at(-1), value]));
}

/** The texts that must be hard to guess: of a URL its password, of keys each; a private key is its own proof. */
function credentialsOf({ secret }: Setting, value: unknown): string[] {
  if (!secret) return [];
  // What is read out of one secret may hold several.
  const parts = [value].flat().flatMap((one) => (one instanceof Secret ? one : Object.values(one ?? {})));
  return parts.flatMap((one) => {
    if (!(one instanceof Secret)) return [];
    const text = one.reveal();
    if (text.includes("-----BEGIN")) return [];
    // A list of stores with their keys: its words are names of fields.
    if (text.startsWith("[")) return [...text.matchAll(/"secret_key"\s*:\s*"([^"]*)"/g)].map(([, key]) => key ?? "");
    if (!text.includes("://")) return [text];
    const password = /^[^/]+:\/\/[^/@:]*:([^/@]*)@/.exec(text)?.[1];
    return password === undefined ? [] : [decoded(password)];
  });
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // the server's client says what is wrong with its URL
  }
}

function weakness(credential: string): string | undefined {
  if (KNOWN.test(credential))
    return "a random credential is expected, and this one has a word in it that everybody knows";
  if (credential.length < LEAST_LENGTH) return `a credential of at least ${LEAST_LENGTH} characters is expected`;
  if (new Set(credential).size < LEAST_DISTINCT) return "a random credential is expected, and this one repeats itself";
  return undefined;
}

/** The loopback interface. */
const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/** For addresses of servers: `https://` and `tls://` are taken, anything else only where it is on this machine. Several with commas. */
export const refusePlain: ProductionRule = (value, _beside, isOwn) => {
  const isPlain = String(value ?? "")
    .split(",")
    .map((part) => part.trim())
    .some((part) => part !== "" && !/^(?:https|tls):\/\//.test(part) && !isOwn(hostOf(part)));
  return isPlain ? "TLS is expected: what is sent there would cross a network as plain text" : undefined;
};

/** Of `nats://host:1`, `host:1` and `dns:///host:1`. */
function hostOf(address: string): string {
  const authority = address.replace(/^[a-z+]+:\/{2,3}/i, "").replace(/[/?#].*$/, "");
  return authority.replace(/:\d+$/, "");
}
