/** Whether timestamps are unevenly spaced. `r_frame_rate` and `avg_frame_rate` of ffprobe are guesses that differ for even
 * files too, so the timestamps themselves decide.
 * @param pts timestamps of neighbouring packets in any order (B-frames are stored out of order), in units of the time base
 * @param whole false where the list ends before the stream does: the last ones may lack neighbours still to come
 * @returns undefined with fewer than 3 usable timestamps */
export function unevenlySpaced(pts: readonly number[], whole: boolean): boolean | undefined {
  const sorted = [...new Set(pts)].sort((a, b) => a - b);
  // H.264 and HEVC reorder at most 16 pictures.
  const usable = whole ? sorted : sorted.slice(0, -17);
  if (usable.length < 3) return undefined;
  const gaps = usable.slice(1).map((value, index) => value - (usable[index] as number));
  const median = gaps.toSorted((a, b) => a - b)[Math.floor(gaps.length / 2)] as number;
  // Coarse time bases round (33, 33, 34 ms), clocks of phones jitter: neither is a variable frame rate.
  const tolerance = Math.max(1, median * 0.1);
  return gaps.some((gap) => Math.abs(gap - median) > tolerance);
}
