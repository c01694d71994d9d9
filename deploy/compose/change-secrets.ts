/* Changes secrets in the volumes of a cluster; ./rotate runs it as the service `secrets`, which has them mounted. Each file is replaced whole, and keeps its
 * owner and mode. Nothing of a secret is printed. Usage: change-secrets.ts COMMAND [FILE]
 *   add FILE      makes a new key and writes it behind the one there is
 *   use FILE      puts the new key first: it is used, both are good
 *   revoke FILE   leaves the first key alone
 *   renew FILE    makes a new key in place of the one there is
 *   show FILE TO  writes the first key into a file of its own, for a program that takes one alone
 *   put FILE      takes what comes on stdin
 *   bus-add, bus-use, bus-revoke: the same for NATS, whose configuration holds its users
 *   bus-config    writes that configuration as the other files have it */
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, rmSync, statSync } from "node:fs";
import {
  type Access,
  BUS,
  busUser,
  firstOf,
  HEIMDEX,
  keysOf,
  otherBusUser,
  ownedBy,
  random,
  writeBusConfig,
  writeWhole,
} from "./secret-files.ts";

const [command = "", file = "", to = ""] = process.argv.slice(2);

switch (command) {
  case "add": {
    const keys = keysOf(file);
    if (keys.length !== 1) fail(`${file} holds ${keys.length} keys: revoke the old one first`);
    write(file, `${keys[0]}\n${random()}\n`);
    break;
  }
  case "use": {
    const [old, next] = keysOf(file);
    if (next === undefined) fail(`${file} holds one key: add another first`);
    write(file, `${next}\n${old}\n`);
    break;
  }
  case "revoke":
    write(file, `${firstOf(file)}\n`);
    break;
  case "renew":
    write(file, random());
    break;
  case "show":
    write(to, `${firstOf(file)}\n`);
    break;
  case "put": {
    const text = readFileSync(0, "utf8");
    if (text.trim() === "") fail(`nothing came for ${file}`);
    write(file, text.endsWith("\n") ? text : `${text}\n`);
    break;
  }
  case "bus-add":
    if (otherBusUser() !== undefined) fail("two users of NATS are there already: revoke the old one first");
    write(BUS.other, JSON.stringify({ user: `heimdex-${randomBytes(4).toString("hex")}`, password: random() }));
    writeConfig();
    break;
  case "bus-use": {
    const old = busUser();
    const next = otherBusUser() ?? fail("there is no new user of NATS: add one first");
    write(BUS.user, next.user);
    write(BUS.password, next.password);
    write(BUS.other, JSON.stringify(old));
    break;
  }
  case "bus-revoke":
    rmSync(BUS.other, { force: true });
    writeConfig();
    break;
  case "bus-config":
    writeConfig();
    break;
  default:
    fail(`there is no command "${command}"`);
}

function writeConfig(): void {
  writeBusConfig(accessOf(BUS.config));
}

/** A file keeps its owner and mode; a new one belongs to the user of our images. */
function write(path: string, text: string): void {
  writeWhole(path, text, accessOf(path));
}

function accessOf(path: string): Access {
  const { uid, gid, mode } = existsSync(path) ? statSync(path) : ownedBy(HEIMDEX);
  return { uid, gid, mode: mode & 0o777 };
}

function fail(why: string): never {
  console.error(`change-secrets: ${why}`);
  process.exit(1);
}
