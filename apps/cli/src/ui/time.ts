/** A place in a film: `00:01:02.345`. */
export function timecode(ms: number): string {
  const whole = Math.max(0, Math.round(ms));
  const two = (n: number) => String(n).padStart(2, "0");
  return `${two(Math.floor(whole / 3_600_000))}:${two(Math.floor(whole / 60_000) % 60)}:${two(Math.floor(whole / 1000) % 60)}.${String(whole % 1000).padStart(3, "0")}`;
}

/** How long something took: `340 ms`, `2.4 s`, `3 min 05 s`, `2 h 05 min`. */
export function duration(ms: number): string {
  if (ms < 999.5) return `${ms < 10 && ms > 0 && !Number.isInteger(ms) ? ms.toFixed(1) : Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  const two = (n: number) => String(n).padStart(2, "0");
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${two(seconds % 60)} s`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`;
}

/** Time left, as coarse as such a guess is: `a moment`, `about 20 s`, `about 4 min`, `about 2 h 10 min`. */
export function timeLeft(ms: number): string {
  if (ms < 1500) return "a moment";
  if (ms < 55_000) return `about ${ms < 10_000 ? Math.round(ms / 1000) : Math.round(ms / 5000) * 5} s`;
  const minutes = Math.round(ms / 60_000);
  if (minutes < 60) return `about ${Math.max(1, minutes)} min`;
  const tens = Math.round(minutes / 10) * 10;
  return `about ${Math.floor(tens / 60)} h${tens % 60 === 0 ? "" : ` ${tens % 60} min`}`;
}

const LIFE_MS = { d: 86_400_000, h: 3_600_000, m: 60_000 } as const;

/** Reads a length of time such as `90d`, `12h` or `30m`, in ms. Undefined when it is none. */
export function parseLife(text: string): number | undefined {
  const [, count, unit] = /^(\d{1,5})([dhm])$/.exec(text) ?? [];
  return unit === undefined ? undefined : Number(count) * LIFE_MS[unit as keyof typeof LIFE_MS];
}

/** Reads a place in a film: seconds (`83`, `83.5`, `83.5s`), `1:23`, `01:02:03.456`, or `83500ms`. Undefined when it is none. */
export function parseTime(text: string): number | undefined {
  const ms = /^(\d+)ms$/.exec(text);
  if (ms !== null) return Number(ms[1]);
  const clock = /^(?:(?:(\d+):)?(\d{1,2}|\d+(?=:)):)?(\d+(?:\.\d+)?)s?$/.exec(text);
  if (clock === null) return undefined;
  const [, hours = "0", minutes = "0", seconds = "0"] = clock;
  if (text.includes(":") && Number(seconds) >= 60) return undefined;
  if (clock[1] !== undefined && Number(minutes) >= 60) return undefined;
  return Math.round((Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)) * 1000);
}
