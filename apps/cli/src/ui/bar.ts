const EIGHTHS = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/** A bar of so many cells, filled to `share` (0 to 1; outside it is clamped). Partial blocks show eighths of a cell. */
export function bar(share: number, cells: number): string {
  const eighths = Math.round(Math.min(1, Math.max(0, share)) * cells * 8);
  const filled = `${"█".repeat(Math.floor(eighths / 8))}${EIGHTHS[eighths % 8]}`;
  return filled + "░".repeat(cells - [...filled].length);
}
