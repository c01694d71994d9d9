import type { HttpBody } from "@heimdex/contracts/google/api/httpbody";
import type { GetSidecarRequest } from "@heimdex/contracts/v1/sidecar";
import { HeimdexError } from "@heimdex/errors";
import type { Blobs, Catalog } from "@heimdex/ports";
import { readAsset } from "./asset-reader.ts";
import type { Call } from "./call.ts";
import { Violations } from "./violations.ts";

/** Largest sidecar over gRPC, bytes, as the contract states it. */
const MAX_GRPC_BYTES = 3 * 1024 * 1024;

/** heimdex.v1.SidecarService. */
export class SidecarService {
  readonly #catalog: Catalog;
  readonly #blobs: Blobs;

  constructor(catalog: Catalog, blobs: Blobs) {
    this.#catalog = catalog;
    this.#blobs = blobs;
  }

  async getSidecar(request: GetSidecarRequest, call: Call): Promise<HttpBody> {
    const violations = new Violations();
    violations.id("asset", request.asset);
    violations.throwIfAny();
    const { body: asset } = await readAsset(this.#catalog, call.caller.tenant, request.asset);
    const revision = request.revision === 0 ? asset.sidecarRevision : request.revision;
    const metadata = { asset: asset.id, revision: String(revision) };
    const name = `sidecars/${asset.id}/${revision}.json`;
    const data = revision === 0 ? undefined : await this.#blobs.getNamed(asset.tenant, name);
    if (data === undefined) {
      const what = revision === 0 ? "has no sidecar yet" : `has no sidecar of revision ${revision}`;
      throw new HeimdexError("SIDECAR_NOT_FOUND", `asset ${asset.id} ${what}`, { metadata });
    }
    if (call.http !== true && data.length > MAX_GRPC_BYTES)
      throw new HeimdexError("BLOB_TOO_LARGE", `the sidecar of asset ${asset.id} has ${data.length} bytes`, {
        metadata: { ...metadata, size: String(data.length) },
        help: `Read it over HTTP: GET /v1/assets/${asset.id}/sidecar.`,
      });
    return {
      contentType: "application/json",
      data: Buffer.from(data.buffer, data.byteOffset, data.length),
      extensions: [],
    };
  }
}
