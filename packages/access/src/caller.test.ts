import assert from "node:assert/strict";
import { test } from "node:test";
import { type Caller, reaches, seesWhole } from "./caller.ts";
import { LEVELS, type Level, ROLES, type Role } from "./role.ts";

const REACHED: Readonly<Record<Role, readonly Level[]>> = {
  monitor: ["public", "monitor"],
  viewer: ["public", "monitor", "viewer"],
  editor: ["public", "monitor", "viewer", "editor"],
  admin: ["public", "monitor", "viewer", "editor", "admin"],
  stage: ["public", "stage"],
};

for (const role of ROLES) {
  test(`a ${role} of some tenant reaches ${REACHED[role].join(", ")}, and nothing else`, () => {
    const caller: Caller = { key: "k_1", role, tenant: "acme", stages: [] };
    assert.deepEqual(
      LEVELS.filter((level) => reaches(caller, level)),
      REACHED[role],
    );
  });
}

test("only an admin of the operator's own tenant is an operator", () => {
  const of = (role: Role, tenant: string): Caller => ({ key: "k_1", role, tenant, stages: [] });
  assert.equal(reaches(of("admin", "default"), "operator"), true);
  assert.equal(reaches(of("editor", "default"), "operator"), false);
  assert.equal(reaches(of("stage", "default"), "operator"), false);
  assert.equal(reaches(of("admin", "acme"), "operator"), false);
});

test("the figures of all tenants are for admins and monitors of the operator's own tenant", () => {
  const seeing = ROLES.flatMap((role) =>
    ["default", "acme"].filter((tenant) => seesWhole({ key: "k_1", role, tenant, stages: [] })).map(() => role),
  );
  assert.deepEqual(seeing, ["monitor", "admin"]);
});
