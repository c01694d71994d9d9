import { type DescMessage, fromBinary, type JsonValue, type Registry, toJson } from "@bufbuild/protobuf";

/** proto3 JSON of an encoded message as all of Heimdex writes it: proto field names, default values present. */
export function messageJson(schema: DescMessage, bytes: Uint8Array, registry: Registry): JsonValue {
  return toJson(schema, fromBinary(schema, bytes), { useProtoFieldName: true, alwaysEmitImplicit: true, registry });
}
