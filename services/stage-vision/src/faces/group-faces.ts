/** Faces to group: row-major vectors of length 1, and the keyframes each was seen on. */
export interface FacesToGroup {
  readonly vectors: Float32Array;
  readonly dimension: number;
  /** For each face, the numbers of its keyframes, rising. */
  readonly frames: readonly (readonly number[])[];
  /** Groups are joined while the mean cosine between their faces is at least this. */
  readonly sameFace: number;
}

/** Which faces are one person's: agglomerative clustering with average linkage, cut at `sameFace`. Two faces on one keyframe are two people.
 * The nearest-neighbour chain (Benzecri 1982; Murtagh 1983) finds the same groups as always joining the nearest two, in quadratic time. Ties go
 * to the lowest number, so the same faces always give the same groups.
 * @returns for each face the number of its group: 0 is the first face's, 1 that of the first face that is in another, and so on */
export function groupFaces({ vectors, dimension, frames, sameFace }: FacesToGroup): number[] {
  const count = frames.length;
  const near = likenesses(vectors, dimension, frames);
  const members = Array.from({ length: count }, (_, i) => [i]);
  const alive = new Set(members.keys());
  const at = (i: number, j: number) => near[i * count + j] as number;
  const chain: number[] = [];

  while (alive.size > 0) {
    if (chain.length === 0) chain.push(alive.values().next().value as number);
    const top = chain.at(-1) as number;
    const before = chain.at(-2);
    let nearest = before;
    for (const other of alive) {
      if (other === top || other === before) continue;
      if (nearest === undefined || at(top, other) > at(top, nearest)) nearest = other;
    }
    if (nearest === undefined || at(top, nearest) < sameFace) {
      // Nothing near enough: with average linkage no later join can bring it nearer, so this group is whole.
      alive.delete(top);
      chain.pop();
    } else if (nearest === before) {
      chain.length -= 2;
      join(Math.min(top, before), Math.max(top, before));
    } else {
      chain.push(nearest);
    }
  }
  return numbered(members, count);

  /** Lance and Williams' update for average linkage. */
  function join(into: number, from: number): void {
    const a = (members[into] as number[]).length;
    const b = (members[from] as number[]).length;
    for (const other of alive) {
      if (other === into || other === from) continue;
      const mean = (a * at(into, other) + b * at(from, other)) / (a + b);
      near[into * count + other] = mean;
      near[other * count + into] = mean;
    }
    (members[into] as number[]).push(...(members[from] as number[]));
    members[from] = [];
    alive.delete(from);
  }
}

/** Cosine of every two faces; minus infinity for two on one keyframe, which any mean with it keeps. */
function likenesses(vectors: Float32Array, dimension: number, frames: readonly (readonly number[])[]): Float32Array {
  const count = frames.length;
  const near = new Float32Array(count * count);
  for (let i = 0; i < count; i++) {
    for (let j = i + 1; j < count; j++) {
      let sum = 0;
      for (let k = 0; k < dimension; k++) {
        sum += (vectors[i * dimension + k] as number) * (vectors[j * dimension + k] as number);
      }
      if (seenTogether(frames[i] as readonly number[], frames[j] as readonly number[])) sum = Number.NEGATIVE_INFINITY;
      near[i * count + j] = sum;
      near[j * count + i] = sum;
    }
  }
  return near;
}

function seenTogether(a: readonly number[], b: readonly number[]): boolean {
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    if (a[i] === b[j]) return true;
    if ((a[i] as number) < (b[j] as number)) i++;
    else j++;
  }
  return false;
}

function numbered(members: readonly (readonly number[])[], count: number): number[] {
  const groups = new Array<number>(count).fill(-1);
  const ordered = members.filter((group) => group.length > 0).sort((a, b) => Math.min(...a) - Math.min(...b));
  for (const [number, group] of ordered.entries()) for (const face of group) groups[face] = number;
  return groups;
}
