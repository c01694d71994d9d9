/** The sentences a captioner wrote, fit for the sidecar: NFC, no tokens of the model's own, white space made single, and no sentence that the length limit
 * cut off, unless it is the only one. Empty where nothing was written.
 * @param whole whether the model came to its end by itself */
export function captionText(raw: string, whole: boolean): string {
  const text = raw
    .replace(/<[^<>\s]{1,32}>/g, " ")
    .normalize("NFC")
    .replace(/\s+/g, " ")
    .trim();
  if (whole) return text;
  const end = Math.max(text.lastIndexOf(". "), text.endsWith(".") ? text.length - 1 : -1);
  return end < 0 ? text : text.slice(0, end + 1);
}
