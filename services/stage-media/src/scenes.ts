import { itemId, type KeyframeItem, type SceneItem, type ShotItem } from "@heimdex/sidecar";

/** A colour histogram that sums to 1. */
export type Histogram = Float32Array;

/** Shots this similar belong together: part of the pixels whose colours they share, 0..1. */
const SIMILAR = 0.55;
/** How far ahead a shot looks for its like: people who talk in turns come back within seconds, places of another scene may
 * look the same minutes later. */
const LOOK_AHEAD_SHOTS = 6;
const LOOK_AHEAD_MS = 45_000;
/** Likeness counts less with distance in time, down to this part of it at the end of the look-ahead. */
const FAR = 0.7;

/** Groups neighbouring shots into scenes. Each shot is linked to later shots that look like it, and a scene ends where no link
 * crosses: the overlapping links of Hanjalic, Lagendijk and Biemond, "Automated high-level movie segmentation for advanced
 * video-retrieval systems", IEEE Trans. CSVT 9(4), 1999; likeness fades with time as in Rui, Huang and Mehrotra, "Constructing
 * table-of-content for videos", Multimedia Systems 7, 1999. Scenes tile the shots and never cross.
 * @param pictures histogram of each keyframe that has one, by the keyframe's id
 * A shot without a picture (blank) goes with the shot before it. */
export function groupScenes(
  asset: string,
  shots: readonly ShotItem[],
  keyframes: readonly KeyframeItem[],
  pictures: ReadonlyMap<string, Histogram>,
): SceneItem[] {
  const looks = new Map<string, Histogram[]>(shots.map(({ id }) => [id, []]));
  for (const { id, shot } of keyframes) {
    const histogram = pictures.get(id);
    if (histogram !== undefined) looks.get(shot ?? "")?.push(histogram);
  }
  const scenes: SceneItem[] = [];
  let members: ShotItem[] = [];
  let reach = 0;
  for (const [index, shot] of shots.entries()) {
    if (index > reach && members.length > 0) {
      scenes.push(toScene(asset, members));
      members = [];
    }
    members.push(shot);
    reach = Math.max(reach, index, furthestLike(index, shots, looks));
    const next = shots[index + 1];
    if (next !== undefined && looks.get(next.id)?.length === 0) reach = Math.max(reach, index + 1);
  }
  if (members.length > 0) scenes.push(toScene(asset, members));
  return scenes;
}

function furthestLike(index: number, shots: readonly ShotItem[], looks: ReadonlyMap<string, Histogram[]>): number {
  const shot = shots[index] as ShotItem;
  const own = looks.get(shot.id) ?? [];
  for (let other = Math.min(shots.length - 1, index + LOOK_AHEAD_SHOTS); other > index; other--) {
    const candidate = shots[other] as ShotItem;
    const gap = candidate.start_ms - shot.end_ms;
    if (gap > LOOK_AHEAD_MS) continue;
    const weight = 1 - (1 - FAR) * (gap / LOOK_AHEAD_MS);
    const theirs = looks.get(candidate.id) ?? [];
    if (own.some((a) => theirs.some((b) => weight * intersection(a, b) >= SIMILAR))) return other;
  }
  return index;
}

/** Swain and Ballard, "Color indexing", IJCV 7(1), 1991. */
export function intersection(a: Histogram, b: Histogram): number {
  return a.reduce((sum, value, bin) => sum + Math.min(value, b[bin] ?? 0), 0);
}

const HUES = 12;
const SATURATIONS = 3;
const VALUES = 4;

/** Histogram over hue, saturation and value of interleaved 8-bit RGB. Grey and dark pixels have no hue to speak of and share
 * bins by value. */
export function colourHistogram(rgb: Uint8Array): Histogram {
  const histogram = new Float32Array(HUES * SATURATIONS * VALUES + VALUES);
  const pixels = Math.floor(rgb.length / 3);
  for (let i = 0; i < pixels * 3; i += 3) {
    const [r, g, b] = [(rgb[i] as number) / 255, (rgb[i + 1] as number) / 255, (rgb[i + 2] as number) / 255];
    const value = Math.max(r, g, b);
    const chroma = value - Math.min(r, g, b);
    const level = Math.min(VALUES - 1, Math.floor(value * VALUES));
    const saturation = value === 0 ? 0 : chroma / value;
    let bin = HUES * SATURATIONS * VALUES + level;
    if (value > 0.12 && saturation > 0.12) {
      const turn = value === r ? (g - b) / chroma : value === g ? 2 + (b - r) / chroma : 4 + (r - g) / chroma;
      const hue = Math.floor((((turn + 6) % 6) / 6) * HUES) % HUES;
      const strength = Math.min(SATURATIONS - 1, Math.floor(saturation * SATURATIONS));
      bin = (hue * SATURATIONS + strength) * VALUES + level;
    }
    histogram[bin] = (histogram[bin] as number) + 1 / pixels;
  }
  return histogram;
}

function toScene(asset: string, shots: readonly ShotItem[]): SceneItem {
  const [first, last] = [shots[0] as ShotItem, shots.at(-1) as ShotItem];
  return {
    id: itemId("scene", asset, "scenes", first.start_pts ?? first.start_ms),
    start_ms: first.start_ms,
    end_ms: last.end_ms,
    shots: shots.map(({ id }) => id),
  };
}
