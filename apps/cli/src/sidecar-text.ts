import { HeimdexError } from "@heimdex/errors";
import type { Archive } from "./archive.ts";

/** The sidecar's text. Large ones come over HTTP, as messages of gRPC are bounded. */
export async function sidecarText(
  archive: Archive,
  asset: string,
  revision: number,
  signal: AbortSignal,
): Promise<string> {
  try {
    const { data } = await archive.call((api) => api.sidecars.getSidecar({ asset, revision }, { signal }));
    return data.toString("utf8");
  } catch (reason) {
    const isLarge = reason instanceof HeimdexError && reason.id === "BLOB_TOO_LARGE";
    // Where HTTP is served is not known of a gateway elsewhere.
    if (!isLarge || archive.platform.address.http === "") throw reason;
  }
  const query = revision === 0 ? "" : `?revision=${revision}`;
  const { http, key } = archive.platform.address;
  const response = await fetch(`http://${http}/v1/assets/${asset}/sidecar${query}`, {
    headers: key === "" ? {} : { authorization: `Bearer ${key}` },
    signal,
  });
  if (!response.ok)
    throw new HeimdexError("UNAVAILABLE", `the sidecar of ${asset} could not be read: HTTP status ${response.status}`);
  return response.text();
}
