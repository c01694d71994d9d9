import { type SpaceStatus, SpaceStatus_State } from "@heimdex/contracts/v1/system";
import { SPACE_KINDS, type SpaceRecord, spaceProgress, spaceRecordId } from "@heimdex/kernel";
import type { Catalog } from "@heimdex/ports";

/** A tenant's embedding spaces: of each kind the one that serves, the one being filled, and what is on its way out of the index.
 * @param vectors of each space in the index, how many moments have one */
export async function spaceStatuses(
  catalog: Catalog,
  tenant: string,
  vectors: ReadonlyMap<string, number>,
): Promise<SpaceStatus[]> {
  const ids = SPACE_KINDS.map((kind) => spaceRecordId(tenant, kind));
  const found = await catalog.getMany<SpaceRecord>("meta", ids);
  const statuses = await Promise.all(found.map((document) => (document === undefined ? [] : ofKind(document.body))));
  return statuses.flat();

  async function ofKind(record: SpaceRecord): Promise<SpaceStatus[]> {
    const { kind, serving, filling, leaving } = record;
    const count = (term: string) => catalog.count("assets", term);
    const status = (space: string, model: string, state: SpaceStatus_State): SpaceStatus => ({
      space,
      vectors: vectors.get(space) ?? 0,
      kind,
      model,
      state,
      assetsDone: 0,
      assetsToDo: 0,
      assetsFailed: 0,
    });
    const { filling: _, ...alone } = record;
    const served = await spaceProgress(alone, count);
    const statuses = [
      { ...status(serving.space, serving.model, SpaceStatus_State.SERVING), assetsDone: served.done },
      ...leaving
        .filter(({ space }) => space !== serving.space && space !== filling?.space)
        .map(({ space }) => status(space, "", SpaceStatus_State.LEAVING)),
    ];
    if (filling === undefined) return statuses;
    const { done, toDo, failed } = await spaceProgress(record, count);
    const filled = { ...status(filling.space, filling.model, SpaceStatus_State.FILLING), assetsDone: done };
    return [...statuses, { ...filled, assetsToDo: toDo, assetsFailed: failed }];
  }
}
