/** Something in a sidecar that is not as it must be. */
export interface Issue {
  /** JSON Pointer (RFC 6901) to the place: `/layers/2/items/0/end_ms`. "" is the document. */
  readonly path: string;
  /** Which rule it breaks: `schema` for the JSON Schema, else one of those sidecar-schema.md lists. */
  readonly rule: string;
  readonly message: string;
  /** Run of the layer it is in: tells a fault of this job's stages from one that was carried over. */
  readonly run?: string;
}

/** JSON Pointer of a path. */
export function pointer(path: readonly PropertyKey[]): string {
  return path.map((part) => `/${String(part).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}
