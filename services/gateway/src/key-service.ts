import {
  type Caller,
  EVERY_TENANT,
  type IssuedKey,
  isOperator,
  isTenant,
  type KeyRecord,
  type KeyStore,
} from "@heimdex/access";
import {
  type CreateKeyRequest,
  type IssuedKey as IssuedKeyMessage,
  Key,
  Key_Role,
  type ListKeysRequest,
  type ListKeysResponse,
  type RevokeKeyRequest,
  type RotateKeyRequest,
} from "@heimdex/contracts/v1/key";
import { HeimdexError } from "@heimdex/errors";
import type { Catalog } from "@heimdex/ports";
import { z } from "zod";
import type { Call } from "./call.ts";
import { fitPage, readPage } from "./catalog-pages.ts";
import { decodePageToken, encodePageToken } from "./page-token.ts";
import { Violations } from "./violations.ts";

const MAX_STAGES = 64;
const MAX_OVERLAP_MS = 7 * 24 * 3_600_000;
const position = z.strictObject({ id: z.string().max(512), sort: z.string().max(128) });

const ROLE_OF = {
  [Key_Role.VIEWER]: "viewer",
  [Key_Role.EDITOR]: "editor",
  [Key_Role.ADMIN]: "admin",
  [Key_Role.STAGE]: "stage",
  [Key_Role.MONITOR]: "monitor",
} as const;
const ROLE_MESSAGE = {
  viewer: Key_Role.VIEWER,
  editor: Key_Role.EDITOR,
  admin: Key_Role.ADMIN,
  stage: Key_Role.STAGE,
  monitor: Key_Role.MONITOR,
} as const;

/** heimdex.v1.KeyService. Unlike other changes it does not go over the bus: the orchestrator has no part in keys, and their secrets stay here. */
export class KeyService {
  readonly #catalog: Catalog;
  readonly #keys: KeyStore;

  constructor(catalog: Catalog, keys: KeyStore) {
    this.#catalog = catalog;
    this.#keys = keys;
  }

  async createKey(request: CreateKeyRequest, { caller }: Call): Promise<IssuedKeyMessage> {
    const tenant = request.tenant === "" ? caller.tenant : request.tenant;
    const role = request.role in ROLE_OF ? ROLE_OF[request.role as keyof typeof ROLE_OF] : undefined;
    const violations = new Violations();
    violations.check(request.name !== "" && request.name.length <= 128, "name", "must be 1 to 128 characters");
    violations.check(role !== undefined, "role", "must be VIEWER, EDITOR, ADMIN, STAGE or MONITOR");
    violations.check(
      isTenant(tenant) || (tenant === EVERY_TENANT && role === "stage"),
      "tenant",
      "must be 1 to 63 lower-case letters, digits, `_` or `-`, beginning with a letter or digit; `*` for STAGE alone",
    );
    violations.check(request.stages.length === 0 || role === "stage", "stages", "is for STAGE alone");
    violations.check(request.stages.length <= MAX_STAGES, "stages", `at most ${MAX_STAGES}`);
    for (const [at, stage] of request.stages.entries())
      violations.check(stage !== "" && stage.length <= 128, `stages[${at}]`, "must be 1 to 128 characters");
    const { expireTime } = request;
    const lasts = expireTime === undefined || expireTime.getTime() > Date.now();
    violations.check(lasts, "expire_time", "must lie in the future");
    violations.throwIfAny();
    if (tenant !== caller.tenant && !isOperator(caller))
      throw new HeimdexError(
        "PERMISSION_DENIED",
        "keys of other tenants are made by an admin of the tenant `default`",
        {
          metadata: { tenant },
        },
      );
    const { name, stages } = request;
    const expiresAtMs = expireTime?.getTime() ?? 0;
    return issuedMessage(
      await this.#keys.create({ name, role: role as KeyRecord["role"], tenant, stages, expiresAtMs }),
    );
  }

  async listKeys(request: ListKeysRequest, { caller }: Call): Promise<ListKeysResponse> {
    const violations = new Violations();
    const size = violations.pageSize("page_size", request.pageSize, 1000, 100);
    const term = isOperator(caller) ? "key" : `tenant:${caller.tenant}`;
    const scope = ["ListKeys", term];
    const after = decodePageToken(request.pageToken, scope, position, violations);
    violations.throwIfAny();
    const page = await readPage<KeyRecord>(
      this.#catalog,
      { collection: "keys", term, by: "sort", descending: true, ...(after === undefined ? {} : { after }) },
      size,
      () => true,
    );
    const { messages, next } = fitPage(
      page,
      ({ body }) => keyMessage(body),
      (key) => Key.encode(key).finish().length,
    );
    return { keys: messages, nextPageToken: next === undefined ? "" : encodePageToken(scope, next) };
  }

  async revokeKey(request: RevokeKeyRequest, { caller }: Call): Promise<Key> {
    const violations = new Violations();
    violations.id("key", request.key);
    violations.throwIfAny();
    return keyMessage(await this.#keys.revoke(request.key, boundOf(caller)));
  }

  async rotateKey(request: RotateKeyRequest, { caller }: Call): Promise<IssuedKeyMessage> {
    const violations = new Violations();
    violations.id("key", request.key);
    violations.check(request.overlapMs <= MAX_OVERLAP_MS, "overlap_ms", `must be at most ${MAX_OVERLAP_MS}`);
    violations.throwIfAny();
    return issuedMessage(await this.#keys.rotate(request.key, boundOf(caller), request.overlapMs));
  }
}

/** The tenant whose keys the caller manages; undefined: all. */
function boundOf(caller: Caller): string | undefined {
  return isOperator(caller) ? undefined : caller.tenant;
}

function issuedMessage({ record, secret }: IssuedKey): IssuedKeyMessage {
  return { key: keyMessage(record), secret };
}

function keyMessage(record: KeyRecord): Key {
  const time = (ms: number) => (ms === 0 ? undefined : new Date(ms));
  return {
    key: record.id,
    name: record.name,
    role: ROLE_MESSAGE[record.role],
    tenant: record.tenant,
    stages: [...record.stages],
    createTime: new Date(record.createdAtMs),
    expireTime: time(record.expiresAtMs),
    lastUseTime: time(record.lastUsedAtMs),
    revokeTime: time(record.revokedAtMs),
  };
}
