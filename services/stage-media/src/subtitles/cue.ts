/** A subtitle cue as a file states it, before it is put on the asset's timeline. */
export interface Cue {
  /** ms on the file's own clock, half-open. May lie before 0 where a container's clock starts later. */
  readonly startMs: number;
  readonly endMs: number;
  /** Plain text in one line, NFC, without markup. Never empty. */
  readonly text: string;
  /** Who speaks, where the format says it. */
  readonly speaker?: string;
}

/** What a parser makes of a file: cues in the file's order, and what it left out, for the log. */
export interface ParsedCues {
  readonly cues: readonly Cue[];
  readonly notes: readonly string[];
}

/** Longest text of one cue that is kept, in characters: a page. Real cues have under 200. */
export const MAX_CUE_CHARACTERS = 4_000;
/** Most cues of one file that are kept. A feature film has about 2,000. */
export const MAX_CUES = 100_000;
/** Notes kept of one file: thousands of equal complaints help nobody. */
const MAX_NOTES = 20;

/** Collects what a parser finds and holds the limits. */
export class CueList {
  readonly #cues: Cue[] = [];
  readonly #notes: string[] = [];
  #left = 0;

  get full(): boolean {
    return this.#cues.length >= MAX_CUES;
  }

  /** Keeps a cue when it has a text and sane times, else notes why not.
   * @param line 1-based, for the note
   * @param text without markup; white space is folded here */
  add(line: number, startMs: number, endMs: number, text: string, speaker?: string): void {
    if (!Number.isFinite(startMs) || !Number.isFinite(endMs)) {
      this.reject(line, "its times cannot be read");
      return;
    }
    if (endMs <= startMs) {
      this.reject(line, "it ends before it begins");
      return;
    }
    const folded = foldText(text);
    if (folded === "") return; // a cue that only clears the screen
    if (this.full) {
      this.#left++;
      return;
    }
    const name = speaker === undefined ? "" : foldText(speaker);
    this.#cues.push({ startMs, endMs, text: folded, ...(name === "" ? {} : { speaker: name }) });
  }

  reject(line: number, why: string): void {
    this.#notes.push(`line ${line}: the cue is left out: ${why}`);
  }

  result(): ParsedCues {
    const notes = this.#notes.slice(0, MAX_NOTES);
    if (this.#notes.length > MAX_NOTES) notes.push(`and ${this.#notes.length - MAX_NOTES} more`);
    if (this.#left > 0) notes.push(`${this.#left} cues past the first ${MAX_CUES} are left out`);
    return { cues: this.#cues, notes };
  }
}

/** One line, NFC, single blanks, no control or zero-width characters, at most `MAX_CUE_CHARACTERS`. */
function foldText(text: string): string {
  return text
    .normalize("NFC")
    .replace(/[\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g, (mark) =>
      mark < "\u202a" && mark > "\u2027" ? " " : "",
    )
    .replace(/[\s\p{Cc}]+/gu, " ")
    .trim()
    .slice(0, MAX_CUE_CHARACTERS)
    .replace(/[\ud800-\udbff]$/, ""); // never half a character
}
