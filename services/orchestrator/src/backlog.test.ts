import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Backlog } from "./backlog.ts";

const entry = (n: number) => ({ id: `e${n}`, sort: String(n).padStart(4, "0") });

test("whatever comes in whatever order, everything is taken once and in order, with never more than the limit here", () => {
  fc.assert(
    fc.property(
      fc.shuffledSubarray(Array.from({ length: 60 }, (_, n) => n)),
      fc.integer({ min: 1, max: 20 }),
      (all, limit) => {
        const backlog = new Backlog(limit);
        const left = new Set(all);
        for (const n of all) backlog.add(entry(n));
        const taken: string[] = [];
        while (backlog.size > 0 || backlog.isCut) {
          assert.ok(backlog.size <= limit);
          if (backlog.size === 0) {
            // As the catalog is read: the first so many of what is left.
            const page = [...left].sort((a, b) => a - b).slice(0, limit);
            for (const n of page) backlog.add(entry(n));
            backlog.refilled(page.length < limit);
            if (page.length === 0) break;
          }
          const next = backlog.shift();
          if (next === undefined) continue;
          taken.push(next.id);
          left.delete(Number(next.id.slice(1)));
        }
        assert.deepEqual(
          taken,
          all.toSorted((a, b) => a - b).map((n) => `e${n}`),
        );
      },
    ),
  );
});

test("what is here already is not here twice", () => {
  const backlog = new Backlog(5);
  for (const n of [3, 1, 3, 1]) backlog.add(entry(n));
  assert.equal(backlog.size, 2);
  assert.equal(backlog.shift()?.id, "e1");
  assert.equal(backlog.has("e1"), false);
});
