/** Puts raw frames and the lines that carry their timestamps together again. ffmpeg writes both from the same packets, in the
 * same order, to two pipes; either may come first. */
export class FramePairs {
  readonly #frameBytes: number;
  readonly #onFrame: (frame: Uint8Array, pts: number, index: number) => void;
  readonly #frames: Uint8Array[] = [];
  readonly #free: Uint8Array[] = [];
  readonly #pts: number[] = [];
  #index = 0;

  /** @param frameBytes size of each raw frame
   * @param onFrame called in order; `index` from 0. The frame's memory is used again as soon as it returns: a new piece for each of
   * an hour's frames would leave more than a GiB to the collector */
  constructor(frameBytes: number, onFrame: (frame: Uint8Array, pts: number, index: number) => void) {
    this.#frameBytes = frameBytes;
    this.#onFrame = onFrame;
  }

  /** Reads raw frames. A frame that is cut off at the end is dropped. */
  readonly readFrames = async (chunks: AsyncIterable<Buffer>): Promise<void> => {
    let frame = this.#blank();
    let filled = 0;
    for await (const chunk of chunks)
      for (let at = 0; at < chunk.length; ) {
        const part = chunk.subarray(at, at + this.#frameBytes - filled);
        frame.set(part, filled);
        filled += part.length;
        at += part.length;
        if (filled < this.#frameBytes) continue;
        this.#frames.push(frame);
        filled = 0;
        this.#flush();
        frame = this.#blank();
      }
  };

  /** Reads what the framecrc muxer prints: `stream, dts, pts, duration, size, checksum` and comments. */
  readonly readTimes = async (chunks: AsyncIterable<Buffer>): Promise<void> => {
    let rest = "";
    for await (const chunk of chunks) {
      const lines = (rest + chunk.toString("latin1")).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        const pts = /^\d+,\s*-?\d+,\s*(-?\d+),/.exec(line)?.[1];
        if (pts !== undefined) this.#pts.push(Number(pts));
      }
      this.#flush();
    }
  };

  #flush(): void {
    const count = Math.min(this.#frames.length, this.#pts.length);
    const frames = this.#frames.splice(0, count);
    const pts = this.#pts.splice(0, count);
    for (const [at, frame] of frames.entries()) {
      this.#onFrame(frame, pts[at] as number, this.#index++);
      this.#free.push(frame);
    }
  }

  #blank(): Uint8Array {
    return this.#free.pop() ?? new Uint8Array(this.#frameBytes);
  }
}
