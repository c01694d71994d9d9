import { EngineError } from "@heimdex/engine";
import type { KeyframeItem } from "@heimdex/sidecar";
import { type InputArtifact, StageFailure } from "@heimdex/stage-sdk";

export interface KeyframesToLookAt<T> {
  readonly keyframes: readonly KeyframeItem[];
  /** The pictures the keyframes name by their SHA-256, in any order. */
  readonly images: readonly InputArtifact<undefined>[];
  /** Looks at a picture: a local file or its bytes. EngineError PICTURE_UNREADABLE costs this picture only. */
  look(picture: string | Uint8Array): Promise<T>;
  /** Called before the first and after each keyframe. */
  onProgress(done: number, total: number): void;
  readonly signal: AbortSignal;
}

/** What was seen on a keyframe, or why its picture cannot be read. */
export type KeyframeLook<T> =
  | { readonly keyframe: KeyframeItem; readonly seen: T }
  | { readonly keyframe: KeyframeItem; readonly unreadable: string };

/** Looks at every keyframe in order of time, one picture after the other; a picture that several share (by content) once.
 * Rejects with `signal.reason` when aborted, with StageFailure KEYFRAME_MISSING, and with what else `look` throws. */
export async function* lookAtKeyframes<T>(input: KeyframesToLookAt<T>): AsyncGenerator<KeyframeLook<T>> {
  const { signal } = input;
  const keyframes = [...input.keyframes].sort((a, b) => a.start_ms - b.start_ms || a.end_ms - b.end_ms);
  const images = new Map(input.images.map((image) => [image.sha256, image]));
  const waiting = new Map<string, number>();
  for (const { image } of keyframes) waiting.set(image.sha256, (waiting.get(image.sha256) ?? 0) + 1);
  const known = new Map<string, T>(); // only of pictures that come again

  input.onProgress(0, keyframes.length);
  for (const [i, keyframe] of keyframes.entries()) {
    signal.throwIfAborted();
    const { sha256 } = keyframe.image;
    const image = images.get(sha256);
    if (image === undefined) {
      throw new StageFailure("TERMINAL", "KEYFRAME_MISSING", `No picture came for keyframe ${keyframe.id}.`, {
        help: "The stage that makes keyframes must put out every picture its layer names.",
      });
    }
    const left = (waiting.get(sha256) as number) - 1;
    waiting.set(sha256, left);
    try {
      const seen = known.get(sha256) ?? (await input.look(image.path ?? (await image.read(signal))));
      if (left > 0) known.set(sha256, seen);
      else known.delete(sha256);
      yield { keyframe, seen };
    } catch (error) {
      if (!(error instanceof EngineError) || error.code !== "PICTURE_UNREADABLE") throw error;
      yield { keyframe, unreadable: error.message };
    }
    input.onProgress(i + 1, keyframes.length);
  }
}

/** Keyframes nobody could look at: some make the result partial, all of them reject the input. */
export class UnreadableKeyframes {
  readonly #found: { readonly id: string; readonly reason: string }[] = [];

  add(keyframe: KeyframeItem, reason: string): void {
    this.#found.push({ id: keyframe.id, reason });
  }

  /** @param total number of keyframes
   * @param partial told which one is the first, and why
   * @throws StageFailure KEYFRAMES_UNREADABLE when there is none that can be read */
  report(total: number, partial: (reason: string) => void): void {
    const [first] = this.#found;
    if (first === undefined) return;
    const message = `${this.#found.length} of ${total} keyframes cannot be read, first ${first.id}: ${first.reason}`;
    if (this.#found.length < total) {
      partial(message);
      return;
    }
    throw new StageFailure("INPUT_REJECTED", "KEYFRAMES_UNREADABLE", message, {
      help: "Run media.analyze of this asset again; if it happens again, its pictures are broken.",
    });
  }
}
