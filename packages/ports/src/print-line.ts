import { writeSync } from "node:fs";

/** Prints a line for the test that started this process. Synchronously: what is printed has left the process when it is killed. A pipe that is full for now,
 * as its reader is slow, is tried again. */
export function printLine(line: string): void {
  for (;;) {
    try {
      writeSync(1, `${line}\n`);
      return;
    } catch (reason) {
      if ((reason as NodeJS.ErrnoException).code !== "EAGAIN") throw reason;
    }
  }
}
