/** How long a film is, in words. Pure. */
export function inWords(durationMs: number): string {
  const seconds = Math.round(durationMs / 1000);
  const amount = seconds < 120 ? `${seconds} seconds` : `${Math.round(seconds / 60)} minutes`;
  return `${seconds < 1200 ? "short" : "long"} film of ${amount}`;
}
