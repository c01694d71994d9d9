import assert from "node:assert/strict";
import { test } from "node:test";
import { HeimdexError } from "@heimdex/errors";
import type { Catalog } from "@heimdex/ports";
import { JobQuota } from "./job-quota.ts";

/** A catalog that counts the jobs it is told of, and how often it is asked. */
function counting() {
  const active = new Map<string, number>();
  const seen = { active, asked: 0, isAway: false };
  const count = async (_: string, term: string) => {
    seen.asked++;
    if (seen.isAway) throw new HeimdexError("CATALOG_UNAVAILABLE", "away");
    return active.get(term.split(":").at(-1) ?? "") ?? 0;
  };
  return { seen, catalog: { count } as unknown as Catalog };
}

test("many calls at once are let through by one count, up to the limit exactly, and each tenant by its own", async () => {
  const { seen, catalog } = counting();
  const quota = new JobQuota(catalog, 100);
  seen.active.set("acme", 40);
  await quota.take("acme");
  await Promise.all(Array.from({ length: 59 }, () => quota.take("acme")));
  await quota.take("globex");
  assert.equal(seen.asked, 2);
  seen.active.set("acme", 100);
  await assert.rejects(quota.take("acme"), { id: "QUOTA_EXCEEDED" });
  assert.equal(seen.asked, 3, "nobody is refused but after a count");
  seen.active.set("acme", 99);
  await quota.take("acme");
});

test("without a limit nothing is counted, and a catalog that was away is asked again", async () => {
  const { seen, catalog } = counting();
  await new JobQuota(catalog, 0).take("acme");
  assert.equal(seen.asked, 0);
  const quota = new JobQuota(catalog, 1);
  seen.isAway = true;
  await assert.rejects(quota.take("acme"), { id: "CATALOG_UNAVAILABLE" });
  seen.isAway = false;
  await quota.take("acme");
});
