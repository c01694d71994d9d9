import {
  type AssetRecord,
  type AssetSpaces,
  leave,
  makerOf,
  mayServe,
  type PlanConfig,
  planSteps,
  SPACE_KINDS,
  type SpaceKind,
  type SpaceRecord,
  type SpaceRef,
  seeSpace,
  spaceProgress,
  spaceRecordId,
  spaceTerm,
  switchSpace,
} from "@heimdex/kernel";
import { type Catalog, readAll } from "@heimdex/ports";
import { type LayerOf, layersOf, type Run, type Sidecar } from "@heimdex/sidecar";
import type { Log } from "@heimdex/telemetry";
import { changeAsset } from "./asset-document.ts";
import type { IndexWriter } from "./index-writer.ts";
import type { StageRegistry } from "./stage-registry.ts";

export interface SpaceParts {
  readonly catalog: Catalog;
  readonly index: Pick<IndexWriter, "dropSpace">;
  readonly registry: StageRegistry;
  readonly plan: PlanConfig;
  /** How long a space that was replaced stays in the index, ms. */
  readonly leaveAfterMs: number;
  readonly log: Log;
}

/** Which embedding spaces the index holds, and the roll-over from one to the next: see `SpaceRecord`. Every change is one compare-and-set, and each step follows
 * from what is stored: whoever comes next, here or on another replica, goes on where a crash left it. */
export class Spaces {
  readonly #parts: SpaceParts;
  /** As last read or written, by record id; nothing here is relied upon but that a space has been seen. */
  readonly #known = new Map<string, SpaceRecord>();

  constructor(parts: SpaceParts) {
    this.#parts = parts;
  }

  /** Notes the spaces in which sidecars hold vectors. */
  async see(tenant: string, sidecars: readonly Sidecar[]): Promise<void> {
    await this.#see(tenant, sidecars.flatMap(seenSpaces));
  }

  /** Ids of the spaces that answer a tenant's searches.
   * @param previous an asset's sidecar: where no space of a kind has been seen yet, its own serves */
  async serving(tenant: string, previous: Sidecar | undefined): Promise<ReadonlySet<string>> {
    if (previous !== undefined)
      await this.#see(
        tenant,
        seenSpaces(previous).map((seen) => ({ ...seen, isKept: true })),
      );
    return new Set((await this.#records(tenant)).map(({ serving }) => serving.space));
  }

  /** The spaces whose vectors go into the index, by id. */
  async indexed(tenant: string): Promise<ReadonlyMap<string, SpaceKind>> {
    const records = await this.#records(tenant);
    return new Map(
      records.flatMap(({ kind, serving, filling }) =>
        (filling === undefined ? [serving] : [serving, filling]).map(({ space }) => [space, kind] as const),
      ),
    );
  }

  /** To be called once rows with vectors of these spaces have been written: what another replica replaced meanwhile leaves once more. */
  async wrote(tenant: string, spaces: ReadonlyMap<string, SpaceKind>): Promise<void> {
    const now = await this.indexed(tenant);
    for (const [space, kind] of spaces)
      if (!now.has(space)) await this.#change(tenant, kind, (record) => record && leave(record, space, Date.now()));
  }

  /** Does what is due: takes replaced spaces out of the index, has assets indexed again that hold vectors the index lacks, switches over.
   * The caller sees to it that nobody writes into the index meanwhile. Says which assets are to be indexed again. */
  async tend(): Promise<string[]> {
    const again: string[] = [];
    for await (const { body } of readAll<SpaceRecord>(this.#parts.catalog, { collection: "meta", term: "spaces" })) {
      this.#known.set(spaceRecordId(body.tenant, body.kind), body);
      await this.#drop(body);
      if (body.filling?.refill === true) again.push(...(await this.#refill(body, body.filling.space)));
      else if (body.filling !== undefined) await this.#switch(body);
    }
    return again;
  }

  /** Whether `tend` may find something to do once assets have been indexed. */
  get isFilling(): boolean {
    return this.#known.values().some(({ filling }) => filling !== undefined);
  }

  async #see(tenant: string, all: readonly Seen[]): Promise<void> {
    const seen = new Map(all.map((each) => [JSON.stringify(each), each]));
    const unsettled = [...seen.values()].filter((each) => !this.#isSettled(tenant, each));
    if (unsettled.length === 0) return;
    const { catalog, registry, plan, log } = this.#parts;
    // What a stage makes as it is registered now. One that nobody registered cannot say otherwise.
    const makers = new Map(planSteps(await registry.list(), plan).map((step) => [step.stage, makerOf(step)]));
    for (const { kind, stage, isKept, ...ref } of unsettled) {
      const isWanted = !isKept && (makers.get(stage) ?? ref.maker) === ref.maker;
      const isHeld = (await catalog.count("assets", spaceTerm(tenant, ref.space))) > 0;
      let began = false;
      const record = await this.#change(tenant, kind, (before) => {
        const after = seeSpace(before, { tenant, kind, ...ref }, { isWanted, isHeld }, Date.now());
        began = after.filling?.space === ref.space && before?.filling?.space !== ref.space;
        return after;
      });
      if (began)
        log.info(
          { tenant, kind, model: ref.model, serving: record?.serving.model },
          "vectors of another model come in: the ones before answer searches until all assets have them",
        );
    }
  }

  #isSettled(tenant: string, { kind, space, isKept }: Seen): boolean {
    const known = this.#known.get(spaceRecordId(tenant, kind));
    return known !== undefined && (isKept || space === (known.filling ?? known.serving).space);
  }

  async #drop({ tenant, kind, serving, filling, leaving }: SpaceRecord): Promise<void> {
    const { index, leaveAfterMs, log } = this.#parts;
    for (const { space, sinceMs } of leaving) {
      const isBack = space === serving.space || space === filling?.space;
      if (!isBack && Date.now() - sinceMs < leaveAfterMs) continue;
      if (!isBack) await index.dropSpace(tenant, space);
      await this.#change(tenant, kind, (record) =>
        record === undefined
          ? undefined
          : {
              ...record,
              leaving: record.leaving.filter((other) => other.space !== space || other.sinceMs !== sinceMs),
            },
      );
      if (!isBack) log.info({ tenant, kind, space }, "an embedding space was taken out of the index");
    }
  }

  /** Has every asset indexed again whose sidecar holds vectors in the space: the index may have lost them, or never had them. Until then they count as
   * not done. */
  async #refill({ tenant, kind }: SpaceRecord, space: string): Promise<string[]> {
    const { catalog } = this.#parts;
    const found: string[] = [];
    for await (const { id } of readAll<AssetRecord>(catalog, { collection: "assets", term: spaceTerm(tenant, space) }))
      found.push(id);
    for (const id of found)
      await changeAsset(catalog, id, (asset) =>
        asset.spaces === undefined ? undefined : { ...asset, indexedRevision: 0, spaces: { ...asset.spaces, ran: [] } },
      );
    await this.#change(tenant, kind, (record) =>
      record?.filling?.space === space ? { ...record, filling: { ...record.filling, refill: false } } : record,
    );
    return found;
  }

  async #switch(before: SpaceRecord): Promise<void> {
    const { catalog, log } = this.#parts;
    const { tenant, kind } = before;
    if (!mayServe(await spaceProgress(before, (term) => catalog.count("assets", term)))) return;
    const after = await this.#change(tenant, kind, (record) =>
      record?.filling?.space === before.filling?.space && record?.serving.space === before.serving.space
        ? record && switchSpace(record, Date.now())
        : record,
    );
    if (after !== undefined && after.serving.space === before.filling?.space)
      log.info(
        { tenant, kind, space: after.serving.space, model: after.serving.model, before: before.serving.model },
        "searches are answered by the new model from now on",
      );
  }

  async #records(tenant: string): Promise<SpaceRecord[]> {
    const ids = SPACE_KINDS.map((kind) => spaceRecordId(tenant, kind));
    const found = await this.#parts.catalog.getMany<SpaceRecord>("meta", ids);
    return found.flatMap((document) => {
      if (document === undefined) return [];
      this.#known.set(document.id, document.body);
      return [document.body];
    });
  }

  async #change(
    tenant: string,
    kind: SpaceKind,
    change: (record: SpaceRecord | undefined) => SpaceRecord | undefined,
  ): Promise<SpaceRecord | undefined> {
    const { catalog } = this.#parts;
    const id = spaceRecordId(tenant, kind);
    for (;;) {
      const stored = await catalog.get<SpaceRecord>("meta", id);
      const body = change(stored?.body);
      if (body === undefined) return undefined;
      const common = { collection: "meta", id, terms: ["spaces"], sort: "", body } as const;
      const [result] =
        body === stored?.body
          ? [{ ok: true }]
          : await catalog.write([
              stored === undefined
                ? { op: "insert", ...common }
                : { op: "replace", version: stored.version, ...common },
            ]);
      if (result?.ok !== true) continue;
      this.#known.set(id, body);
      return body;
    }
  }
}

interface Seen extends SpaceRef {
  readonly kind: SpaceKind;
  readonly stage: string;
  /** By a run before the newest. */
  readonly isKept: boolean;
}

/** Where a sidecar has vectors: those that were kept first. */
function seenSpaces(sidecar: Sidecar): Seen[] {
  const runs = new Map(sidecar.runs.map((run) => [run.id, run]));
  const seen = layersOf(sidecar, "embeddings").flatMap((layer): Seen[] => {
    const [kind, run] = [spaceKind(layer), runs.get(layer.run)];
    if (kind === undefined || layer.space === undefined || run === undefined) return [];
    const { id: space, model } = layer.space;
    return [{ kind, space, model, maker: makerOfRun(run), stage: run.stage, isKept: run.kept === true }];
  });
  return seen.sort((a, b) => Number(b.isKept) - Number(a.isKept));
}

/** What the asset's document says of the spaces of its sidecar. */
export function assetSpaces(sidecar: Sidecar): AssetSpaces {
  const layers = layersOf(sidecar, "embeddings");
  const kept = new Map(sidecar.runs.filter((run) => run.kept === true).map((run) => [run.id, run]));
  const idsOf = (found: readonly LayerOf<"embeddings">[]) => [
    ...new Set(found.flatMap(({ space }) => space?.id ?? [])),
  ];
  const embedders = new Set(layers.flatMap((layer) => kept.get(layer.run)?.stage ?? []));
  const failed = sidecar.runs.filter(
    ({ id, stage, status, reason }) =>
      !kept.has(id) &&
      embedders.has(stage) &&
      (status === "FAILED" || (status === "SKIPPED" && reason?.startsWith("UPSTREAM_FAILED:"))),
  );
  return {
    vectors: idsOf(layers.filter((layer) => spaceKind(layer) !== undefined)),
    ran: idsOf(layers.filter((layer) => !kept.has(layer.run))),
    failed: failed.map(makerOfRun),
  };
}

/** Undefined when it holds no vectors that are searched. */
function spaceKind({ items }: LayerOf<"embeddings">): SpaceKind | undefined {
  if (items.some((item) => item.of === "moment")) return "text";
  return items.some((item) => item.of === "keyframe") ? "image" : undefined;
}

function makerOfRun({ stage, behaviour, models, config }: Run): string {
  return makerOf({
    stage,
    behaviour,
    models: (models ?? []).map(({ id, sha256 }) => ({ id, sha256, licence: "" })),
    config: config ?? {},
  });
}

/** The sidecar without vectors that are not to be searched. */
export function withSpaces(sidecar: Sidecar, spaces: ReadonlyMap<string, SpaceKind>): Sidecar {
  const others = layersOf(sidecar, "embeddings").filter(
    (layer) => spaceKind(layer) !== undefined && !spaces.has(layer.space?.id ?? ""),
  );
  const left = new Set<unknown>(others);
  return { ...sidecar, layers: sidecar.layers.filter((layer) => !left.has(layer)) };
}
