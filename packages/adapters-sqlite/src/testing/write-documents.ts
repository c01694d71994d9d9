// Run by sqlite-faults.test.ts, to be killed: 16 writers count up one document each by compare-and-set, and print each acknowledged count.
import type { Document } from "@heimdex/ports";
import { printLine } from "@heimdex/ports/conformance";
import { SqliteCatalog } from "../sqlite-catalog.ts";

const [file = ""] = process.argv.slice(2);
const catalog = await SqliteCatalog.open(file);

await Promise.all(
  Array.from({ length: 16 }, async (_, writer) => {
    const id = `w${writer}`;
    const stored: Document<{ counter: number }> | undefined = await catalog.get("jobs", id);
    for (let counter = (stored?.body.counter ?? 0) + 1; ; counter++) {
      const written = {
        collection: "jobs",
        id,
        terms: [`counter:${counter}`],
        sort: String(counter % 3),
        body: { counter, text: String(counter).repeat(500) },
      } as const;
      const [result] = await catalog.write([
        counter === 1 ? { op: "insert", ...written } : { op: "replace", version: counter - 1, ...written },
      ]);
      if (!result?.ok) throw new Error(`${id} is at ${result?.version}, not ${counter - 1}`);
      printLine(`${id} ${counter}`);
    }
  }),
);
