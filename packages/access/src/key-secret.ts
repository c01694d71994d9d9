import { createHash, randomBytes } from "node:crypto";

/** Begins every key, so that tools which look for leaked secrets can know it. */
const PREFIX = "hdx_";
/** 32 bytes in base64url. */
const SECRET = /^hdx_[A-Za-z0-9_-]{43}$/;

/** A new key: 256 random bits. */
export function newSecret(): string {
  return `${PREFIX}${randomBytes(32).toString("base64url")}`;
}

/** Whether a text has the form of a key. */
export function isSecret(text: string): boolean {
  return SECRET.test(text);
}

/** SHA-256 of a key, in hexadecimal: all that is kept of it. A plain hash is enough, as nobody guesses 256 random bits. */
export function secretHash(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}

/** The token of an `Authorization` header or its metadata; undefined where there is none of the kind. */
export function bearerOf(authorization: string | undefined): string | undefined {
  return /^Bearer +([\x21-\x7e]{1,4096})$/i.exec(authorization ?? "")?.[1];
}
