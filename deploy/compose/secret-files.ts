/* How make-secrets.ts and change-secrets.ts write the files that they have in common. */
import { randomBytes } from "node:crypto";
import { chmodSync, chownSync, renameSync, writeFileSync } from "node:fs";

/** The user of our images. */
export const HEIMDEX = 10_001;

export interface Access {
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
}

/** 256 random bits. */
export const random = () => randomBytes(32).toString("base64url");

/** Readable by one user alone. */
export const ownedBy = (user: number): Access => ({ uid: user, gid: user, mode: 0o600 });

/** Whole or not at all, whenever this is stopped: a service that starts meanwhile reads the old one or the new one. */
export function writeWhole(path: string, text: string, { uid, gid, mode }: Access): void {
  const fresh = `${path}.new`;
  writeFileSync(fresh, text, { mode: 0o600, flush: true });
  chownSync(fresh, uid, gid);
  chmodSync(fresh, mode);
  renameSync(fresh, path);
}

/** Somebody whom NATS lets in. */
export interface BusUser {
  readonly user: string;
  readonly password: string;
}

/** nats.conf. */
export function busConfig(users: readonly BusUser[]): string {
  const list = users.map(
    ({ user, password }) => `{ user: ${JSON.stringify(user)}, password: ${JSON.stringify(password)} }`,
  );
  return `port: 4222\nauthorization { users: [${list.join(", ")}] }\n`;
}
