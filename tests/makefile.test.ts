import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const MAKEFILE = readFileSync("Makefile", "utf8");
/** Targets that users were promised. */
const PROMISED = [
  ...["setup", "demo", "lint", "fmt", "types", "test", "verify", "images", "release-dry-run", "tf-check", "secrets"],
  ...["chaos", "bench", "clean"],
];
/** Commands that change and find nothing. */
const TALK = /^(?:@|-)*\s*(?:echo|printf|true|false|:|exit|#)(?:\s|$)/;

interface Target {
  readonly needs: readonly string[];
  readonly says: string;
  readonly recipe: readonly string[];
}

/** The targets that a person calls. */
function targetsOf(text: string): Map<string, Target> {
  const joined = text.replaceAll("\\\n", " ");
  const found = [...joined.matchAll(/^([a-z][a-z-]*):([^\n#=]*)(?:## ([^\n]*))?\n((?:\t[^\n]*\n?)*)/gm)];
  return new Map(
    found.map(([, name = "", needs = "", says = "", recipe = ""]) => [
      name,
      {
        needs: needs.split(/\s+/).filter((need) => need !== ""),
        says,
        recipe: recipe.split("\n").filter((line) => line.trim() !== ""),
      },
    ]),
  );
}

/** Targets that do nothing but talk, by themselves and by what they need. */
function idle(targets: ReadonlyMap<string, Target>): string[] {
  const works = (name: string): boolean => {
    const target = targets.get(name);
    if (target === undefined) return false;
    const commands = target.recipe.flatMap((line) => line.trim().split(/;|&&/));
    const acts = commands.some((command) => command.trim() !== "" && !TALK.test(command.trim()));
    return acts || (target.recipe.length === 0 && target.needs.some(works));
  };
  return [...targets.keys()].filter((name) => !works(name));
}

test("no target of the Makefile only prints", () => {
  assert.deepEqual(idle(targetsOf(MAKEFILE)), []);
});

test("a target that only prints is found, also behind another one", () => {
  const made = "one: ## x\n\t@echo done; true\ntwo: one ## x\nthree: ## x\n\t@echo now\n\tmake-it\nfour: three ## x\n";
  assert.deepEqual(idle(targetsOf(made)), ["one", "two"]);
});

test("what was promised is there", () => {
  const names = [...targetsOf(MAKEFILE).keys()];
  assert.deepEqual(
    PROMISED.filter((name) => !names.includes(name)),
    [],
  );
  assert.ok(names.some((name) => name.startsWith("cluster-")));
});

test("`make` lists every target with what it does, a file of its name does not stop it, and `make -n` knows how to make it", () => {
  const targets = targetsOf(MAKEFILE);
  const listed = execFileSync("make", { encoding: "utf8" });
  const rules = execFileSync("make", ["-pn", "help"], { encoding: "utf8", maxBuffer: 2 ** 26 });
  const phony = /^\.PHONY:(.*)$/m.exec(rules)?.[1]?.split(/\s+/) ?? [];
  for (const [name, { says }] of targets) {
    assert.ok(says.length > 10, `${name} does not say what it does`);
    assert.ok(listed.includes(says), `${name} is not listed with what it does`);
    assert.match(listed, new RegExp(`^\\s+${name}\\s`, "m"));
    assert.ok(phony.includes(name), `${name} is not phony`);
    execFileSync("make", ["-n", name], { stdio: "pipe" });
  }
});
