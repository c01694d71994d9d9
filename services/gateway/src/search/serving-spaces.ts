import { SPACE_KINDS, type SpaceKind, type SpaceRecord, type SpaceRef, spaceRecordId } from "@heimdex/kernel";
import type { Catalog } from "@heimdex/ports";

/** How long what was read is taken for granted, ms: less than a space that was replaced stays in the index. */
const TTL_MS = 1_000;

/** The embedding space of each kind that answers a tenant's searches; none of a kind before an asset has vectors of it. */
export type ServingSpaces = Readonly<Partial<Record<SpaceKind, SpaceRef>>>;

export class ServingSpacesReader {
  readonly #catalog: Catalog;
  readonly #read = new Map<string, { readonly atMs: number; readonly spaces: Promise<ServingSpaces> }>();

  constructor(catalog: Catalog) {
    this.#catalog = catalog;
  }

  of(tenant: string): Promise<ServingSpaces> {
    const now = performance.now();
    const known = this.#read.get(tenant);
    if (known !== undefined && now - known.atMs < TTL_MS) return known.spaces;
    const spaces = this.#fetch(tenant);
    this.#read.set(tenant, { atMs: now, spaces });
    spaces.catch(() => this.#read.delete(tenant)); // whoever asked gets the failure; the next one asks again
    return spaces;
  }

  async #fetch(tenant: string): Promise<ServingSpaces> {
    const ids = SPACE_KINDS.map((kind) => spaceRecordId(tenant, kind));
    const records = await this.#catalog.getMany<SpaceRecord>("meta", ids);
    return Object.fromEntries(records.flatMap((found) => (found ? [[found.body.kind, found.body.serving]] : [])));
  }
}
