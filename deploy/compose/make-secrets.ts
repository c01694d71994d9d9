/* Makes the secrets of a cluster that are absent: random, each in a file of its own that one user alone can read, in the folders that compose.yaml mounts. What is
 * there already stays as it is, so that it may run at every start. */
import { randomBytes } from "node:crypto";
import {
  chownSync,
  closeSync,
  existsSync,
  fchmodSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from "node:fs";

/** The user of our images. */
const HEIMDEX = 10_001;
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
const busUser = keep("/secrets/bus-user", "heimdex");
const busPassword = secret("/secrets/bus-password");
keep(
  "/secrets/nats.conf",
  `port: 4222
authorization { users: [{ user: ${JSON.stringify(busUser)}, password: ${JSON.stringify(busPassword)} }] }
`,
);

function secret(path: string, owner = HEIMDEX): string {
  return keep(path, randomBytes(32).toString("base64url"), owner);
}

/** A file appears whole or not at all, whenever this is stopped.
 * @returns what the file holds */
function keep(path: string, text: string, owner = HEIMDEX): string {
  if (existsSync(path)) {
    console.log(`${path}: there already`);
    return readFileSync(path, "utf8");
  }
  const fresh = `${path}.new`;
  const file = openSync(fresh, "w", 0o600);
  fchmodSync(file, 0o600);
  writeSync(file, text);
  fsyncSync(file);
  closeSync(file);
  chownSync(fresh, owner, owner);
  renameSync(fresh, path);
  console.log(`${path}: made`);
  return text;
}
