/** Turns the bytes of a subtitle file into text with plain line ends: by its byte order mark; else UTF-16 where every other
 * byte is 0; else UTF-8 where it is valid; else Windows-1252, the superset of Latin-1 that old Western files are in.
 * @returns the text and the encoding's name as the Encoding Standard has it */
export function decodeText(bytes: Uint8Array): { readonly text: string; readonly encoding: string } {
  const encoding = detect(bytes);
  // Each decoder drops its own mark.
  const text = new TextDecoder(encoding).decode(bytes);
  return { text: text.replace(/\r\n?/g, "\n"), encoding };
}

function detect(bytes: Uint8Array): string {
  const [a, b, c] = bytes;
  if (a === 0xef && b === 0xbb && c === 0xbf) return "utf-8";
  if (a === 0xff && b === 0xfe) return "utf-16le";
  if (a === 0xfe && b === 0xff) return "utf-16be";
  const head = bytes.subarray(0, 2048);
  const zeros = [0, 0];
  for (const [index, byte] of head.entries()) if (byte === 0) zeros[index % 2] = (zeros[index % 2] ?? 0) + 1;
  const many = head.length / 4;
  if ((zeros[1] ?? 0) > many) return "utf-16le";
  if ((zeros[0] ?? 0) > many) return "utf-16be";
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return "utf-8";
  } catch (error) {
    if (error instanceof TypeError) return "windows-1252"; // the only error a fatal decoder throws
    throw error;
  }
}
