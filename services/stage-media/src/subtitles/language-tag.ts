let names: Intl.DisplayNames | undefined;
let byName: ReadonlyMap<string, string> | undefined;

/** English name of a language tag; made at the first call, so that a service that reads no subtitles does not pay for it. */
function nameOf(tag: string): string | undefined {
  names ??= new Intl.DisplayNames(["en"], { type: "language", fallback: "none" });
  return names.of(tag);
}

/** English names of languages (`english`) to tags, for file names that spell them out. */
function tagsByName(): ReadonlyMap<string, string> {
  if (byName !== undefined) return byName;
  const table = new Map<string, string>();
  for (let a = 97; a <= 122; a++) {
    for (let b = 97; b <= 122; b++) {
      const tag = String.fromCharCode(a, b);
      const name = nameOf(tag);
      // Retired codes have the name of their successor (`iw`, Hebrew).
      if (name !== undefined) table.set(name.toLowerCase(), Intl.getCanonicalLocales(tag)[0] ?? tag);
    }
  }
  byName = table;
  return table;
}

/** Canonical BCP-47 tag of what a stream or file name states: `ger`, `deu`, `German`, `de_at` give `de`, `de`, `de`, `de-AT`.
 * Undefined where it names no language: `und`, `mul`, `zxx`, `forced`, `sub`. */
export function languageTag(stated: string | undefined): string | undefined {
  const text = stated?.trim().replaceAll("_", "-").toLowerCase();
  if (text === undefined || text === "") return undefined;
  const named = tagsByName().get(text);
  if (named !== undefined) return named;
  if (!/^[a-z]{2,3}(-[a-z0-9]{2,8}){0,3}$/.test(text)) return undefined;
  try {
    const tag = Intl.getCanonicalLocales(text)[0];
    if (tag === undefined) return undefined;
    const language = tag.split("-")[0] ?? "";
    return ["mul", "zxx", "und"].includes(language) || nameOf(language) === undefined ? undefined : tag;
  } catch (error) {
    if (error instanceof RangeError) return undefined; // not well formed
    throw error;
  }
}

/** How well a language meets a preferred one: 2 the same tag, 1 the same language, 0 another or unknown. */
export function languageMatch(language: string | undefined, preferred: string): number {
  if (language === undefined) return 0;
  const [have, want] = [language, languageTag(preferred) ?? preferred];
  if (have.toLowerCase() === want.toLowerCase()) return 2;
  return have.split("-")[0] === want.split("-")[0] ? 1 : 0;
}
