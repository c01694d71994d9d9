import { createInterface } from "node:readline/promises";

/** Whether there is somebody to ask. */
export const canAsk = () => process.stdin.isTTY === true && process.stderr.isTTY === true;

/** Asks on the terminal; anything but yes is no. Rejects with the signal's reason. */
export async function confirm(question: string, signal: AbortSignal): Promise<boolean> {
  using asked = createInterface({ input: process.stdin, output: process.stderr });
  return /^\s*y(es)?\s*$/i.test(await asked.question(`${question} [y/N] `, { signal }));
}
