/** A document or a layer before its schema is checked. */
export type Raw = Readonly<Record<string, unknown>>;

/** Steps from an older form to the next. Each is kept forever and changes nothing that it need not: fields it does not know stay. */
export interface Upgraders {
  /** By the major version they take; each gives a document of the next major. */
  readonly documents: Readonly<Record<number, (document: Raw) => Raw>>;
  /** By `kind@version`; each gives a layer of the next version. */
  readonly layers: Readonly<Record<string, (layer: Raw) => Raw>>;
}

/** Version 1 is the first, of the document and of every kind: there is nothing older to read. */
export const UPGRADERS: Upgraders = { documents: {}, layers: {} };

/** A document brought up to `major`, and its layers as far as upgraders lead. Pure. Undefined when no upgrader takes it there. */
export function upgrade(document: Raw, major: number, upgraders: Upgraders): Raw | undefined {
  let current = document;
  for (let from = majorOf(document.schema_version); from !== major; from++) {
    const step = from < major ? upgraders.documents[from] : undefined;
    if (step === undefined) return undefined;
    current = step(current);
  }
  if (!Array.isArray(current.layers)) return current;
  const layers = current.layers.map((layer: unknown) => (isObject(layer) ? upgradeLayer(layer, upgraders) : layer));
  return layers.every((layer, index) => layer === (current.layers as unknown[])[index])
    ? current
    : { ...current, layers };
}

function upgradeLayer(layer: Raw, { layers }: Upgraders): Raw {
  let current = layer;
  for (let step = stepOf(current, layers); step !== undefined; step = stepOf(current, layers)) current = step(current);
  return current;
}

function stepOf(layer: Raw, layers: Upgraders["layers"]): ((layer: Raw) => Raw) | undefined {
  const name = `${layer.kind}@${layer.version}`;
  return Object.hasOwn(layers, name) ? layers[name] : undefined;
}

/** NaN when it is no semantic version. */
export function majorOf(version: unknown): number {
  return typeof version === "string" && /^\d+\.\d+\.\d+$/.test(version) ? Number(version.split(".")[0]) : Number.NaN;
}

export function isObject(value: unknown): value is Raw {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
