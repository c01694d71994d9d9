import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

const FOLDER = "deploy/compose";

test("deploy/.env.example names every variable of deploy/compose, with its default, and no other", () => {
  const used = new Map<string, string>();
  for (const name of readdirSync(FOLDER).filter((file) => file.endsWith(".yaml")))
    for (const [, variable = "", byDefault = ""] of readFileSync(`${FOLDER}/${name}`, "utf8").matchAll(
      /\$\{(\w+):-([^}]*)\}/g,
    ))
      used.set(variable, byDefault.includes("${") ? "" : byDefault); // made of others
  const named = new Map<string, string>();
  for (const [, variable = "", value = ""] of readFileSync("deploy/.env.example", "utf8").matchAll(
    /^#?([A-Z]\w+)=(.*)$/gm,
  ))
    named.set(variable, value);
  named.delete("COMPOSE_PROFILES"); // Compose's own
  assert.deepEqual([...named].sort(), [...used].sort());
});
