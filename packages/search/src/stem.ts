/** The stem of an English word: M. F. Porter, "An algorithm for suffix stripping", Program 14(3), 1980, its five steps as published;
 * before them, plurals of things and people that no suffix rule finds give their singular.
 * Words that hold anything but a-z, or have fewer than three letters, stay as they are. */
export function stem(word: string): string {
  if (!/^[a-z]{3,}$/.test(word)) return word;
  let w = step1a(PLURALS.get(word) ?? word);
  w = step1b(w);
  if (w.endsWith("y") && hasVowel(w.slice(0, -1))) w = `${w.slice(0, -1)}i`;
  w = replaceSuffix(w, STEP_2, 1);
  w = replaceSuffix(w, STEP_3, 1);
  w = step4(w);
  return step5(w);
}

/** Whoever searches for people means each person. Only plurals that are no other word's form: "leaves" stays with "leave". */
const PLURALS: ReadonlyMap<string, string> = new Map([
  ["people", "person"],
  ["men", "man"],
  ["women", "woman"],
  ["children", "child"],
  ["feet", "foot"],
  ["teeth", "tooth"],
  ["mice", "mouse"],
  ["geese", "goose"],
  ["oxen", "ox"],
  ["knives", "knife"],
  ["wolves", "wolf"],
  ["shelves", "shelf"],
  ["loaves", "loaf"],
  ["scarves", "scarf"],
  ["thieves", "thief"],
  ["buses", "bus"],
  ["gases", "gas"],
  ["ties", "tie"],
  ["pies", "pie"],
]);

/** Longest endings first, as the paper asks: the first that fits decides, whether or not its condition holds. */
const STEP_2: readonly (readonly [string, string])[] = [
  ["ational", "ate"],
  ["ization", "ize"],
  ["iveness", "ive"],
  ["fulness", "ful"],
  ["ousness", "ous"],
  ["tional", "tion"],
  ["biliti", "ble"],
  ["entli", "ent"],
  ["ousli", "ous"],
  ["ation", "ate"],
  ["alism", "al"],
  ["aliti", "al"],
  ["iviti", "ive"],
  ["enci", "ence"],
  ["anci", "ance"],
  ["izer", "ize"],
  ["abli", "able"],
  ["alli", "al"],
  ["ator", "ate"],
  ["eli", "e"],
];
const STEP_3: readonly (readonly [string, string])[] = [
  ["icate", "ic"],
  ["ative", ""],
  ["alize", "al"],
  ["iciti", "ic"],
  ["ical", "ic"],
  ["ness", ""],
  ["ful", ""],
];
const STEP_4 = [
  "ement",
  "ance",
  "ence",
  "able",
  "ible",
  "ment",
  "ant",
  "ent",
  "ion",
  "ism",
  "ate",
  "iti",
  "ous",
  "ive",
  "ize",
  "al",
  "er",
  "ic",
  "ou",
];

function step1a(w: string): string {
  if (w.endsWith("sses") || w.endsWith("ies")) return w.slice(0, -2);
  return w.endsWith("s") && !w.endsWith("ss") ? w.slice(0, -1) : w;
}

function step1b(w: string): string {
  if (w.endsWith("eed")) return measure(w.slice(0, -3)) > 0 ? w.slice(0, -1) : w;
  const cut = w.endsWith("ed") ? 2 : w.endsWith("ing") ? 3 : 0;
  const base = w.slice(0, w.length - cut);
  if (cut === 0 || !hasVowel(base)) return w;
  if (/(at|bl|iz)$/.test(base)) return `${base}e`;
  if (endsDouble(base) && !/[lsz]$/.test(base)) return base.slice(0, -1);
  return measure(base) === 1 && endsCvc(base) ? `${base}e` : base;
}

function replaceSuffix(w: string, rules: readonly (readonly [string, string])[], least: number): string {
  const rule = rules.find(([suffix]) => w.endsWith(suffix));
  if (rule === undefined) return w;
  const base = w.slice(0, w.length - rule[0].length);
  return measure(base) >= least ? base + rule[1] : w;
}

function step4(w: string): string {
  const suffix = STEP_4.find((ending) => w.endsWith(ending));
  if (suffix === undefined) return w;
  const base = w.slice(0, w.length - suffix.length);
  if (measure(base) <= 1 || (suffix === "ion" && !/[st]$/.test(base))) return w;
  return base;
}

function step5(w: string): string {
  if (w.endsWith("e")) {
    const base = w.slice(0, -1);
    const m = measure(base);
    if (m > 1 || (m === 1 && !endsCvc(base))) return base.endsWith("ll") && m > 1 ? base.slice(0, -1) : base;
    return w;
  }
  return w.endsWith("ll") && measure(w) > 1 ? w.slice(0, -1) : w;
}

const isConsonant = (w: string, i: number): boolean => {
  const letter = w[i] ?? "";
  if (letter === "y") return i === 0 || !isConsonant(w, i - 1);
  return !"aeiou".includes(letter);
};

/** How often a vowel run is followed by a consonant run: the m of [C](VC)^m[V]. */
function measure(w: string): number {
  let count = 0;
  for (let i = 1; i < w.length; i++) if (isConsonant(w, i) && !isConsonant(w, i - 1)) count++;
  return count;
}
function hasVowel(w: string): boolean {
  for (let i = 0; i < w.length; i++) if (!isConsonant(w, i)) return true;
  return false;
}
const endsDouble = (w: string) => w.length > 1 && w.at(-1) === w.at(-2) && isConsonant(w, w.length - 1);
/** Consonant, vowel, consonant other than w, x, y: "hop", not "snow". */
const endsCvc = (w: string) =>
  w.length > 2 &&
  isConsonant(w, w.length - 3) &&
  !isConsonant(w, w.length - 2) &&
  isConsonant(w, w.length - 1) &&
  !/[wxy]$/.test(w);
