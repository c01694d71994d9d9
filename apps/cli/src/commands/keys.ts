import type { IssuedKey, Key, Key_Role } from "@heimdex/contracts/v1/key";
import { Archive } from "../archive.ts";
import type { Context } from "../context.ts";
import { allPages } from "../pages.ts";
import { snakeJson } from "../snake-json.ts";
import type { Style } from "../ui/style.ts";
import { printable, table } from "../ui/text.ts";

export interface CreateKeyOptions {
  readonly role: string;
  readonly tenant?: string;
  readonly stage?: readonly string[];
  /** How long it is good, ms. Default: for ever. */
  readonly expires?: number;
}

/** `keys create` */
export async function createKey(context: Context, name: string, options: CreateKeyOptions): Promise<undefined> {
  await using archive = await Archive.open(context, { needs: "nothing" });
  const { tenant = "", stage = [], expires } = options;
  const role = options.role.toUpperCase() as Key_Role;
  const expireTime = expires === undefined ? undefined : new Date(Date.now() + expires);
  show(
    context,
    await archive.call((api) => api.keys.createKey({ name, role, tenant, stages: [...stage], expireTime })),
  );
}

/** `keys ls` */
export async function listKeys(context: Context): Promise<undefined> {
  const { terminal } = context;
  await using archive = await Archive.open(context, { needs: "nothing" });
  const keys: Key[] = [];
  for await (const key of allPages(
    (pageToken) => archive.call((api) => api.keys.listKeys({ pageToken, pageSize: 1000 })),
    (page) => page.keys,
  ))
    keys.push(key);
  terminal.document({ keys: keys.map(snakeJson) });
  if (keys.length === 0) terminal.note("There are no keys. Make one: heimdex keys create NAME --role viewer");
  const rows = keys.map((key) => [
    key.key,
    key.role.toLowerCase(),
    printable(key.tenant),
    stateOf(key, terminal.style),
    key.lastUseTime === undefined ? "never used" : `last used ${minute(key.lastUseTime)}`,
    printable(key.name),
    printable(key.stages.join(", ")),
  ]);
  for (const row of table(rows)) terminal.line(row);
}

/** `keys revoke` */
export async function revokeKeys(context: Context, keys: readonly string[]): Promise<undefined> {
  const { terminal } = context;
  await using archive = await Archive.open(context, { needs: "nothing" });
  const revoked: Key[] = [];
  for (const key of keys) {
    revoked.push(await archive.call((api) => api.keys.revokeKey({ key })));
    terminal.line(`revoked ${key}: it opens nothing any more`);
  }
  terminal.document({ keys: revoked.map(snakeJson) });
}

/** `keys rotate` */
export async function rotateKey(
  context: Context,
  key: string,
  { overlap = 0 }: { readonly overlap?: number },
): Promise<undefined> {
  await using archive = await Archive.open(context, { needs: "nothing" });
  show(context, await archive.call((api) => api.keys.rotateKey({ key, overlapMs: overlap })));
}

/** The secret alone goes to stdout, so that it can be sent into a file. */
function show({ terminal }: Context, { key, secret }: IssuedKey): void {
  terminal.document({ key: snakeJson(key), secret });
  terminal.note(
    `key ${key?.key} (${key?.role.toLowerCase()}, tenant ${printable(key?.tenant ?? "")}); it is shown this once:`,
  );
  terminal.line(secret);
}

function stateOf({ revokeTime, expireTime }: Key, style: Style): string {
  if (revokeTime !== undefined) return style.warn(`revoked ${minute(revokeTime)}`);
  if (expireTime === undefined) return "good";
  return expireTime.getTime() <= Date.now()
    ? style.warn(`expired ${minute(expireTime)}`)
    : `good until ${minute(expireTime)}`;
}

function minute(time: Date): string {
  return `${time.toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
