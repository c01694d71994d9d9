import { type Box, itemId, type KeyframeItem, type Point } from "@heimdex/sidecar";
import { instantOf, spanOf } from "../keyframes/keyframe-time.ts";
import { overlap } from "../picture/overlap.ts";
import { normalised } from "./align.ts";
import type { SeenFace } from "./face-engine.ts";

/** A face at one instant. */
export interface FaceSighting {
  /** Of the picture it was seen on. */
  readonly ms: number;
  /** On the item's `time_base`, where the keyframe has one. */
  readonly pts?: number;
  readonly box: Box;
  readonly confidence: number;
}

/** A face over the time it was seen, with what its best sighting shows. */
export interface FaceOverTime {
  /** Id of the layer's item. */
  readonly id: string;
  readonly span: ReturnType<typeof spanOf>;
  readonly best: {
    /** When it was. */
    readonly ms: number;
    readonly box: Box;
    readonly landmarks: readonly Point[];
    readonly confidence: number;
    readonly quality: number;
    readonly crop: Uint8Array;
  };
  /** Mean of its sightings' vectors by their quality, of length 1. */
  readonly vector: Float32Array;
  readonly sightings: readonly FaceSighting[];
  /** Numbers of the keyframes it was seen on, rising. */
  readonly frames: readonly number[];
}

export interface FaceTimelineOptions {
  /** Id of the asset. */
  readonly asset: string;
  /** Cosine from which two vectors are taken for one person: the model's figure. */
  readonly sameFace: number;
  /** Faces kept at most; beyond it the worst in quality go. */
  readonly maxFaces: number;
}

/** Boxes in one shot that share so much are one place. */
const SAME_PLACE = 0.3;
/** In its place within one shot a face may look so much less like itself: it turns, speaks, is covered for a moment. With the bundled models
 * that is a cosine of 0.62, which no two people reached. */
const PLACE_BONUS = 0.06;

interface Track {
  readonly first: KeyframeItem;
  readonly place: number;
  last: KeyframeItem;
  latest: SeenFace;
  best: SeenFace;
  /** Of the best sighting. */
  bestMs: number;
  readonly sum: Float32Array;
  readonly sightings: FaceSighting[];
  readonly frames: number[];
}

/** Joins the same face on keyframes that follow each other into one item. A face that is away for a keyframe and comes back is two items of one
 * group: that is what was seen. What it holds is bounded: twice `maxFaces`, and the faces of one picture. */
export class FaceTimeline {
  readonly #options: FaceTimelineOptions;
  #tracks: Track[] = [];
  #open: Track[] = [];
  #frame = 0;
  #dropped = 0;

  constructor(options: FaceTimelineOptions) {
    this.#options = options;
  }

  /** Faces left out because there were more than `maxFaces`. */
  get dropped(): number {
    return this.#dropped;
  }

  /** @param faces of the keyframe, from left to right; none where its picture cannot be read
   * Keyframes come in order of time. */
  add(keyframe: KeyframeItem, faces: readonly SeenFace[]): void {
    const goesOn = this.#continuations(keyframe, faces);
    const next: Track[] = [];
    for (const [place, face] of faces.entries()) {
      let track = goesOn.get(place);
      if (track === undefined) {
        const sum = new Float32Array(face.vector.length);
        const { ms: bestMs } = instantOf(keyframe);
        track = {
          first: keyframe,
          place,
          last: keyframe,
          latest: face,
          best: face,
          bestMs,
          sum,
          sightings: [],
          frames: [],
        };
        this.#tracks.push(track);
      }
      track.last = keyframe;
      track.latest = face;
      if (face.quality > track.best.quality) {
        track.best = face;
        track.bestMs = instantOf(keyframe).ms;
      }
      for (const [i, value] of face.vector.entries()) track.sum[i] = (track.sum[i] as number) + face.quality * value;
      track.sightings.push({ ...instantOf(keyframe), box: face.box, confidence: face.confidence });
      track.frames.push(this.#frame);
      next.push(track);
    }
    this.#open = next;
    this.#frame++;
    if (this.#tracks.length > 2 * this.#options.maxFaces) this.#thin();
  }

  /** All faces in order of time, then from left to right. */
  finish(): FaceOverTime[] {
    this.#open = [];
    if (this.#tracks.length > this.#options.maxFaces) this.#thin();
    return this.#tracks.map((track) => {
      const { first, last, best, bestMs, place } = track;
      const { box, landmarks, confidence, quality, crop } = best;
      return {
        id: itemId("face", this.#options.asset, "faces", first.start_pts ?? first.start_ms, String(place)),
        span: spanOf(first, last),
        best: { ms: bestMs, box, landmarks, confidence, quality, crop },
        vector: normalised(track.sum),
        sightings: track.sightings,
        frames: track.frames,
      };
    });
  }

  /** Which open face each one goes on with: the most alike first, each side once. */
  #continuations(keyframe: KeyframeItem, faces: readonly SeenFace[]): Map<number, Track> {
    const pairs: { track: Track; place: number; likeness: number }[] = [];
    for (const track of this.#open) {
      const sameShot = keyframe.shot !== undefined && keyframe.shot === track.last.shot;
      for (const [place, face] of faces.entries()) {
        const inPlace = sameShot && overlap(track.latest.box, face.box) >= SAME_PLACE;
        const likeness = cosine(track.latest.vector, face.vector) + (inPlace ? PLACE_BONUS : 0);
        if (likeness >= this.#options.sameFace) pairs.push({ track, place, likeness });
      }
    }
    pairs.sort((a, b) => b.likeness - a.likeness);
    const taken = new Set<Track>();
    const goesOn = new Map<number, Track>();
    for (const { track, place } of pairs) {
      if (taken.has(track) || goesOn.has(place)) continue;
      taken.add(track);
      goesOn.set(place, track);
    }
    return goesOn;
  }

  /** Keeps the open ones and the best of the others. */
  #thin(): void {
    const open = new Set(this.#open);
    const closed = this.#tracks.filter((track) => !open.has(track)).sort((a, b) => b.best.quality - a.best.quality);
    const kept = new Set([...this.#open, ...closed.slice(0, Math.max(0, this.#options.maxFaces - open.size))]);
    this.#dropped += this.#tracks.length - kept.size;
    this.#tracks = this.#tracks.filter((track) => kept.has(track));
  }
}

/** Of vectors of length 1. */
export function cosine(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}
