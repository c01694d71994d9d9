import { type Candidate, type PickedShot, quality } from "./keyframe-picker.ts";

/** Leaves at most `max` stills: the timeline is divided into as many equal parts and each keeps its best one. */
export function thinOut(
  shots: readonly PickedShot[],
  max: number,
): { shots: PickedShot[]; dropped: readonly Candidate[] } {
  const start = shots[0]?.start ?? 0;
  const width = Math.max(1e-6, ((shots.at(-1)?.end ?? 0) - start) / max);
  const best = new Map<number, Candidate>();
  const all = shots.flatMap(({ keyframes }) => keyframes);
  for (const candidate of all) {
    const part = Math.min(max - 1, Math.floor((candidate.time - start) / width));
    const known = best.get(part);
    if (known === undefined || quality(candidate, []) > quality(known, [])) best.set(part, candidate);
  }
  const kept = new Set(best.values());
  return {
    shots: shots.map((shot) => ({ ...shot, keyframes: shot.keyframes.filter((candidate) => kept.has(candidate)) })),
    dropped: all.filter((candidate) => !kept.has(candidate)),
  };
}
