import { LAYER_VERSION, type LayerKind, type Media, media, type StageLayer, stageLayer } from "@heimdex/sidecar";
import type { z } from "zod";

/** What flows through a port. `T` is the parsed value of a JSON port, `undefined` for bytes. */
export interface Port<T = unknown, Many extends boolean = boolean, Optional extends boolean = boolean> {
  /** Media type of each artifact, such as `image/jpeg`. */
  readonly mediaType: string;
  /** Id of what the bytes mean; with the media type and `major` it decides which ports match. */
  readonly schema: string;
  /** Major version of the schema: another major never matches. */
  readonly major: number;
  /** A list of artifacts in order, instead of exactly one. */
  readonly many: Many;
  /** Input: the stage runs without it. Output: the stage may leave it out. */
  readonly optional: Optional;
  /** JSON ports: what the value must be. Checked by the worker when read and before it is sent. */
  readonly json?: z.ZodType<T>;
  /** JSON Schema of a custom layer, with `x-heimdex-search` on what is searched. */
  readonly layerSchema?: object;
}

/** The asset's own bytes: every job starts with it. */
export function source(): Port<undefined, false, false> {
  return { mediaType: "application/octet-stream", schema: "heimdex.source", major: 1, many: false, optional: false };
}

/** The small files beside the source that share its stem, such as subtitles; `name` of each tells which. Often none. */
export function neighbours(): Port<undefined, true, true> {
  return { mediaType: "application/octet-stream", schema: "heimdex.neighbour", major: 1, many: true, optional: true };
}

/** Media facts as in the sidecar's `media`. */
export function mediaFacts(): Port<Media, false, false> {
  return {
    mediaType: "application/json",
    schema: "heimdex.media",
    major: 1,
    many: false,
    optional: false,
    json: media,
  };
}

/** A layer of one of the sidecar's own kinds.
 * @param variant keeps two producers of one kind apart: `subtitles` beside recognised speech. */
export function layer<K extends LayerKind>(kind: K, variant?: string): Port<StageLayer<K>, false, false> {
  return {
    mediaType: "application/json",
    schema: variant === undefined ? `heimdex.layer.${kind}` : `heimdex.layer.${kind}.${variant}`,
    major: LAYER_VERSION[kind],
    many: false,
    optional: false,
    json: stageLayer[kind] as unknown as z.ZodType<StageLayer<K>>,
  };
}

/** Bytes of one kind, such as the audio of an asset. */
export function bytes(mediaType: string, schema: string, major = 1): Port<undefined, false, false> {
  return { mediaType, schema, major, many: false, optional: false };
}

/** JSON of one's own that is passed on between stages, and is no layer of the sidecar (see `customLayer`).
 * @param schema a name with dots, such as `org.example.transcript-draft` */
export function json<T>(schema: string, type: z.ZodType<T>, major = 1): Port<T, false, false> {
  return { mediaType: "application/json", schema, major, many: false, optional: false, json: type };
}

/** The same port as a list. */
export function many<T, O extends boolean>(port: Port<T, false, O>): Port<T, true, O> {
  return { ...port, many: true };
}

/** The same port, not required. */
export function optional<T, M extends boolean>(port: Port<T, M, false>): Port<T, M, true> {
  return { ...port, optional: true };
}
