/* Makes the secrets of a cluster that are absent: random, each in a file of its own that one user alone can read, in the folders that compose.yaml mounts. What is
 * there already stays as it is, so that it may run at every start. */
import { existsSync, readFileSync } from "node:fs";
import { BUS, HEIMDEX, ownedBy, random, writeBusConfig, writeWhole } from "./secret-files.ts";

/** The user that the image of MongoDB steps down to before it reads its password. */
const MONGODB = 999;
/** The user of Prometheus' image. */
const NOBODY = 65_534;

secret("/secrets/admin-key");
secret("/secrets/signing-key");
secret("/stage-secrets/stage-key");
keep("/monitor-secrets/monitor-key", secret("/secrets/monitor-key"), NOBODY);
const catalogPassword = secret("/secrets/catalog-password", MONGODB);
keep("/secrets/catalog-url", `mongodb://heimdex:${catalogPassword}@mongo:27017/?authSource=admin`);
secret("/secrets/blobs-access-key");
secret("/secrets/blobs-secret-key");
keep(BUS.user, "heimdex");
secret(BUS.password);
secret(BUS.events);
writeBusConfig();

function secret(path: string, owner = HEIMDEX): string {
  return keep(path, random(), owner);
}

/** @returns what the file holds */
function keep(path: string, text: string, owner = HEIMDEX): string {
  if (existsSync(path)) {
    console.log(`${path}: there already`);
    return readFileSync(path, "utf8");
  }
  writeWhole(path, text, ownedBy(owner));
  console.log(`${path}: made`);
  return text;
}
