/** BCP-47 tag of a language code of Whisper, which spells Javanese as it was spelt before 2001. */
export function tagOfWhisper(code: string): string {
  return Intl.getCanonicalLocales(code)[0] ?? code;
}

/** Languages that Whisper knows by another code than BCP-47. */
const OTHER_CODES: Readonly<Record<string, string>> = { jv: "jw", nb: "no", fil: "tl", cmn: "zh" };

/** Whisper's code for a BCP-47 tag: its primary language; regions are all one to it. */
export function whisperOfTag(tag: string): string {
  const language = new Intl.Locale(tag).language;
  return OTHER_CODES[language] ?? language;
}
