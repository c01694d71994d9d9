/** Takes tags and character references out of a cue's text. Linear in the length of the text. */
export function stripTags(text: string): string {
  return decodeReferences(
    text
      .replace(/<br\s*\/?>/gi, "\n")
      // Only what begins like a tag: "a < b" stays. Times are WebVTT's karaoke marks.
      .replace(/<\/?(?:[a-z][^<>]*|\d[\d:.]*)>|<\/>/gi, "")
      .replace(/\{\\[^{}]*\}/g, ""), // ASS overrides that converters leave in SRT
  );
}

const NAMED: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  nbsp: " ",
  lrm: "",
  rlm: "",
};

function decodeReferences(text: string): string {
  return text.replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|([a-z]{2,5}));/gi, (whole, decimal, hex, name) => {
    if (name !== undefined) return NAMED[name.toLowerCase()] ?? whole;
    const code = decimal === undefined ? Number.parseInt(hex, 16) : Number(decimal);
    const real = code > 0 && code <= 0x10_ffff && !(code >= 0xd800 && code <= 0xdfff);
    return real ? String.fromCodePoint(code) : whole;
  });
}

/** Takes override blocks and drawings out of the text of an ASS event, and turns its breaks into line ends.
 * Drawings (`{\p1}m 0 0 l 10 10{\p0}`) are shapes, no text. */
export function stripAss(text: string): string {
  let out = "";
  let drawing = false;
  for (const part of text.split(/(\{[^{}]*\})/)) {
    if (part.startsWith("{") && part.endsWith("}")) {
      for (const [, scale] of part.matchAll(/\\p(\d+)/g)) drawing = Number(scale) > 0;
    } else if (!drawing) {
      out += part;
    }
  }
  return out.replace(/\\[Nn]/g, "\n").replace(/\\h/g, " ");
}
