import { readFileSync } from "node:fs";

/** Version of heimdex.stage.v1 that this code speaks. */
export const STAGE_PROTOCOL_VERSION = 1;

/** The contract itself as a serialized google.protobuf.FileDescriptorSet: for reflection and for HTTP transcoding. */
export function descriptorSet(): Uint8Array {
  return readFileSync(new URL("../gen/descriptors.binpb", import.meta.url));
}
