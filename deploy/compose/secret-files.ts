/* How make-secrets.ts and change-secrets.ts write the files that they have in common. */
import { randomBytes } from "node:crypto";
import { chmodSync, chownSync, existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";

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

/** The user as whom services come to NATS; while that is being changed the other one who is let in, as JSON; the password of programs that follow events; and nats.conf. */
export const BUS = {
  user: "/secrets/bus-user",
  password: "/secrets/bus-password",
  other: "/secrets/bus-other",
  events: "/secrets/events-password",
  config: "/secrets/nats.conf",
};

export interface BusUser {
  readonly user: string;
  readonly password: string;
}

/** The keys of a file: the first is used, all are good. */
export const keysOf = (path: string) =>
  readFileSync(path, "utf8")
    .split(/\s+/)
    .filter((key) => key !== "");

export const firstOf = (path: string) => keysOf(path)[0] ?? "";

/** Whom the services come as. */
export const busUser = (): BusUser => ({ user: firstOf(BUS.user), password: firstOf(BUS.password) });

/** The other one who is let in while that is being changed; undefined when it is not. */
export function otherBusUser(): BusUser | undefined {
  return existsSync(BUS.other) ? (JSON.parse(readFileSync(BUS.other, "utf8")) as BusUser) : undefined;
}

/** What somebody may do who follows events: read the stream, and keep a place in it. Answers come to an inbox of their own, as all others hear what services are told. */
export const FOLLOWER = {
  publish: [
    "$JS.API.INFO",
    "$JS.API.STREAM.NAMES",
    "$JS.API.STREAM.INFO.heimdex_events",
    "$JS.API.CONSUMER.*.heimdex_events",
    "$JS.API.CONSUMER.*.heimdex_events.>",
    "$JS.API.CONSUMER.DURABLE.CREATE.heimdex_events.>",
    "$JS.API.CONSUMER.MSG.NEXT.heimdex_events.>",
    "$JS.ACK.heimdex_events.>",
  ],
  subscribe: ["_EVENTS.>"],
};

/** Writes nats.conf as the other files have it. */
export function writeBusConfig(access = ownedBy(HEIMDEX)): void {
  const other = otherBusUser();
  const services = other === undefined ? [busUser()] : [busUser(), other];
  const follower = { user: "events", password: firstOf(BUS.events), permissions: FOLLOWER };
  const users = [...services, follower].map((user) => JSON.stringify(user)); // NATS reads JSON, too
  writeWhole(BUS.config, `port: 4222\nauthorization { users: [${users.join(", ")}] }\n`, access);
}
