/* Users of MongoDB while a cluster's password is changed; ./rotate runs it in an orchestrator, whose connection it uses. Usage: catalog-users.ts add|revoke
 *   add      makes a user like the one there is, and prints the URL of the catalog with it, and nothing else
 *   revoke   removes those that were made before the one the cluster comes as */
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { MongoClient } from "mongodb";

const url = new URL(readFileSync(process.env.HEIMDEX_CATALOG_URL_FILE ?? "", "utf8").trim());
const client = await MongoClient.connect(url.href);
try {
  const db = client.db(url.searchParams.get("authSource") ?? "admin");
  if (process.argv[2] === "add") {
    const user = `heimdex-${randomBytes(4).toString("hex")}`;
    const password = randomBytes(32).toString("base64url");
    const { users } = await db.command({ usersInfo: decodeURIComponent(url.username) });
    await db.command({ createUser: user, pwd: password, roles: users[0].roles });
    url.username = user;
    url.password = password;
    process.stdout.write(url.href);
  } else {
    const { users } = await db.command({ usersInfo: 1 });
    for (const { user } of users as { user: string }[])
      if (/^heimdex(?:-[0-9a-f]{8})?$/.test(user) && user !== decodeURIComponent(url.username))
        await db.command({ dropUser: user });
  }
} finally {
  await client.close();
}
