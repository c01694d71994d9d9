import { EngineError } from "@heimdex/engine";
import { itemId, type KeyframeItem, type TextItem } from "@heimdex/sidecar";
import type { Sighting } from "./sighting.ts";
import { type ReadFrame, textsOverTime } from "./timeline.ts";

export interface KeyframesToRead {
  /** Id of the asset. */
  readonly asset: string;
  readonly keyframes: readonly KeyframeItem[];
  /** Reads the text on a keyframe's picture. EngineError PICTURE_UNREADABLE costs this picture only. */
  read(keyframe: KeyframeItem, signal: AbortSignal): Promise<readonly Sighting[]>;
  /** Called before the first and after each keyframe. */
  onProgress(done: number, total: number): void;
  readonly signal: AbortSignal;
}

export interface KeyframesRead {
  /** In order of time, then of reading. Empty: there is no text. */
  readonly items: TextItem[];
  /** Keyframes whose picture could not be read, with the reason. */
  readonly unreadable: readonly { readonly keyframe: KeyframeItem; readonly reason: string }[];
}

/** All text of an asset, one item for each text over its whole time on screen. One picture is read at a time, a picture that
 * several keyframes share (by content) once. Rejects with `signal.reason` when aborted, and with what else `read` throws. */
export async function readKeyframes(input: KeyframesToRead): Promise<KeyframesRead> {
  const { asset, signal } = input;
  const keyframes = [...input.keyframes].sort((a, b) => a.start_ms - b.start_ms || a.end_ms - b.end_ms);
  const frames: ReadFrame[] = [];
  const unreadable: { keyframe: KeyframeItem; reason: string }[] = [];
  const known = new Map<string, readonly Sighting[]>();

  input.onProgress(0, keyframes.length);
  for (const [i, keyframe] of keyframes.entries()) {
    signal.throwIfAborted();
    const { id, start_ms, end_ms, image } = keyframe;
    try {
      const sightings = known.get(image.sha256) ?? (await input.read(keyframe, signal));
      known.set(image.sha256, sightings);
      frames.push({ id, start_ms, end_ms, sightings });
    } catch (error) {
      if (!(error instanceof EngineError) || error.code !== "PICTURE_UNREADABLE") throw error;
      unreadable.push({ keyframe, reason: error.message });
      frames.push({ id, start_ms, end_ms, sightings: [] });
    }
    input.onProgress(i + 1, keyframes.length);
  }

  const startOf = new Map(keyframes.map((keyframe) => [keyframe.id, keyframe.start_pts ?? keyframe.start_ms]));
  const items = textsOverTime(frames).map(
    ({ twin, text, confidence, box, polygon, start_ms, end_ms, frames: ids }): TextItem => {
      const start = startOf.get(ids[0] as string) as number;
      const item = {
        id: itemId("text", asset, "text", start, twin === 0 ? text : `${text}#${twin}`),
        start_ms,
        end_ms,
        // Three digits: the last bits differ between processors, and an equal result must be equal bytes.
        confidence: Math.round(confidence * 1000) / 1000,
        text,
        box,
        frames: [...ids],
      };
      return polygon === undefined ? item : { ...item, polygon: [...polygon] };
    },
  );
  return { items, unreadable };
}
