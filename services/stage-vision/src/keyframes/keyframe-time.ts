import type { KeyframeItem } from "@heimdex/sidecar";

/** The instant of a keyframe's picture: what media.analyze states (`at_ms`, `at_pts`), else the start of the time it stands for. */
export function instantOf(keyframe: KeyframeItem): { readonly ms: number; readonly pts?: number } {
  const ms = typeof keyframe.at_ms === "number" ? keyframe.at_ms : keyframe.start_ms;
  const pts = typeof keyframe.at_pts === "number" ? keyframe.at_pts : keyframe.start_pts;
  return pts === undefined ? { ms } : { ms, pts };
}

/** From the start of one keyframe's time to the end of another's; on the stream's own clock, too, where both have it. */
export function spanOf(
  first: KeyframeItem,
  last: KeyframeItem,
): Pick<KeyframeItem, "start_ms" | "end_ms" | "start_pts" | "end_pts" | "time_base"> {
  const { start_ms, start_pts, time_base } = first;
  const { end_ms, end_pts } = last;
  if (start_pts === undefined || end_pts === undefined || time_base === undefined) return { start_ms, end_ms };
  return { start_ms, end_ms, start_pts, end_pts, time_base };
}
