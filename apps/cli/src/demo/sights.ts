import { layersOf, readSidecar } from "@heimdex/sidecar";

/** What was seen in footage. */
export interface Sights {
  /** Faces, each counted once for as long as it stays. */
  readonly faces: number;
  /** Faces that are alike, within a clip, are one group. */
  readonly faceGroups: number;
  /** Labels of things, in alphabetical order. */
  readonly things: readonly string[];
}

/** Puts together what the sidecars of several assets say was seen. */
export function sightsOf(sidecars: readonly string[]): Sights {
  let faces = 0;
  let faceGroups = 0;
  const things = new Set<string>();
  for (const text of sidecars) {
    const sidecar = readSidecar(text);
    const found = layersOf(sidecar, "faces").flatMap(({ items }) => items);
    faces += found.length;
    faceGroups += new Set(found.map(({ group }) => group)).size;
    for (const { items } of layersOf(sidecar, "objects")) for (const { label } of items) things.add(label);
  }
  return { faces, faceGroups, things: [...things].sort() };
}
