import { type ListSourcesRequest, ListSourcesResponse } from "@heimdex/contracts/v1/source";
import type { Sources } from "@heimdex/sources";

/** What the bus carries at least in one message is more. */
const MAX_ANSWER_BYTES = 512 * 1024;

/** SourceService.ListSources, with the place behind which to go on as page token. */
export async function listSources(
  sources: Sources,
  tenant: string,
  { uri, pageSize, pageToken }: ListSourcesRequest,
): Promise<unknown> {
  for (let limit = pageSize; ; limit = Math.ceil(limit / 2)) {
    const page = await sources.list(tenant, uri, pageToken, limit);
    const answer = ListSourcesResponse.toJSON({
      sources: page.sources.map(({ uri: film, size, modifiedMs }) => ({
        uri: film,
        size,
        modifyTime: modifiedMs === 0 ? undefined : new Date(modifiedMs),
        missing: false,
      })),
      leftOut: page.leftOut.map(({ uri: other, why }) => ({ uri: other, why })),
      nextPageToken: page.next,
    });
    if (limit === 1 || JSON.stringify(answer).length <= MAX_ANSWER_BYTES) return answer;
  }
}
