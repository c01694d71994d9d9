import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { Caller, Gate } from "@heimdex/access";
import { Secret } from "@heimdex/config";
import { HeimdexError } from "@heimdex/errors";
import { z } from "zod";

/** What can be signed: reads that a browser makes by itself. */
const SIGNABLE = /^\/v1\/(?:assets\/[A-Za-z0-9_-]{1,128}\/media|blobs\/[0-9a-f]{64}\?[A-Za-z0-9=&%._/-]{1,200})$/;
const SIGNED = /^(.*)[?&]token=([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)$/;

/** Routes that signed paths lead to. */
export const SIGNED_ROUTES: ReadonlySet<string> = new Set([
  "GET /v1/assets/{asset}/media",
  "GET /v1/blobs/{sha256}",
  "PUT /v1/uploads/{upload}",
]);

/** For whom a path was signed, and until when, Unix ms. */
const grant = z.strictObject({ key: z.string(), tenant: z.string(), until: z.int() });

/** Paths that stand for a caller's right to read one thing, for a while. */
export class SignedPaths {
  readonly #keys: readonly [Secret, ...Secret[]];
  readonly #gate: Gate;
  readonly #now: () => number;

  /** @param keys the same on every replica: the first signs, and what any of them signed is good; undefined: one of this process's own
   * @param now Unix ms */
  constructor(keys: readonly [Secret, ...Secret[]] | undefined, gate: Gate, now: () => number) {
    this.#keys = keys ?? [new Secret(randomBytes(32).toString("base64url"))];
    this.#gate = gate;
    this.#now = now;
  }

  static isSignable(path: string): boolean {
    return SIGNABLE.test(path) && !/[?&]token=/.test(path);
  }

  /** @param path one that can be signed, or that of an upload, which only its announcement gives a signature */
  sign(path: string, { key, tenant }: Caller, untilMs: number): string {
    const payload = Buffer.from(JSON.stringify({ key, tenant, until: untilMs })).toString("base64url");
    const token = `${payload}.${mac(this.#keys[0], path, payload).toString("base64url")}`;
    return `${path}${path.includes("?") ? "&" : "?"}token=${token}`;
  }

  /** Who may use a signed path: somebody who may read that, or bring that upload, and nothing else.
   * @param target path and query of the request
   * @returns the caller, and the path and query that were signed; undefined when it is not one of ours
   * @throws HeimdexError UNAUTHENTICATED when it has ended, or its key has */
  async open(target: string): Promise<{ readonly caller: Caller; readonly target: string } | undefined> {
    const [, path = "", payload = "", signature = ""] = SIGNED.exec(target) ?? [];
    const given = Buffer.from(signature, "base64url");
    const isRight = (right: Buffer) => given.length === right.length && timingSafeEqual(given, right);
    if (path === "" || !this.#keys.some((key) => isRight(mac(key, path, payload)))) return undefined;
    const { key, tenant, until } = grant.parse(JSON.parse(Buffer.from(payload, "base64url").toString()));
    if (this.#now() >= until || !(await this.#gate.isGood(key)))
      throw new HeimdexError("UNAUTHENTICATED", "the signed path has ended", {
        help: "Ask for it again: AssetService.SignPaths, UploadService.CreateUpload.",
      });
    const role = path.startsWith("/v1/uploads/") ? "editor" : "viewer";
    return { caller: { key, role, tenant, stages: [] }, target: path };
  }
}

/** Its own first word keeps these signatures apart from others that the same key makes. */
function mac(key: Secret, path: string, payload: string): Buffer {
  return createHmac("sha256", key.reveal()).update(`signed-path\n${payload}\n${path}`).digest();
}
