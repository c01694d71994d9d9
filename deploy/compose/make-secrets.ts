/* Makes the secrets of a cluster that are absent, in the folder given: random, each in a file of its own that only our services and root can read. What is
 * there already stays as it is, so that it may run at every start. */
import { randomBytes } from "node:crypto";
import { chownSync, closeSync, fchmodSync, fsyncSync, openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";

/** The user of our images. */
const USER = 10_001;
const folder = process.argv[2] ?? "/secrets";

const secret = (name: string, bytes = 32): string => keep(name, randomBytes(bytes).toString("base64url"));

secret("admin-key");
secret("stage-key");
secret("signing-key");
const catalogPassword = secret("catalog-password");
keep("catalog-url", `mongodb://heimdex:${catalogPassword}@mongo:27017/?authSource=admin`);
secret("blobs-access-key", 12);
secret("blobs-secret-key");
const busPassword = secret("bus-password");
keep(
  "nats.conf",
  `port: 4222
jetstream { store_dir: /data }
authorization { user: heimdex, password: ${JSON.stringify(busPassword)} }
`,
);
chownSync(folder, USER, USER);

/** @returns what the file holds */
function keep(name: string, text: string): string {
  const path = join(folder, name);
  try {
    const file = openSync(path, "wx", 0o600);
    fchmodSync(file, 0o600);
    writeSync(file, text);
    fsyncSync(file);
    closeSync(file);
    chownSync(path, USER, USER);
    console.log(`${name}: made`);
    return text;
  } catch (reason) {
    if ((reason as NodeJS.ErrnoException).code !== "EEXIST") throw reason;
    console.log(`${name}: there already`);
    return readFileSync(path, "utf8");
  }
}
