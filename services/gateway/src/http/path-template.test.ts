import assert from "node:assert/strict";
import { test } from "node:test";
import { pathTemplate } from "./path-template.ts";

for (const [template, path, want] of [
  ["/v1/assets", "/v1/assets", {}],
  ["/v1/assets", "/v1/assets/", undefined],
  ["/v1/assets/{asset}", "/v1/assets/a_1", { asset: "a_1" }],
  ["/v1/assets/{asset}", "/v1/assets/a%20b%2Fc", { asset: "a b/c" }],
  ["/v1/assets/{asset}", "/v1/assets/", undefined],
  ["/v1/assets/{asset}", "/v1/assets/a/sidecar", undefined],
  ["/v1/assets/{asset}/sidecar", "/v1/assets/a/sidecar", { asset: "a" }],
  ["/v1/jobs/{job}:cancel", "/v1/jobs/j_1:cancel", { job: "j_1" }],
  ["/v1/jobs/{job}:cancel", "/v1/jobs/j_1:retry", undefined],
  ["/v1/jobs/{job}:cancel", "/v1/jobs/j_1", undefined],
  ["/v1/jobs/{job}", "/v1/jobs/j_1:cancel", undefined],
  ["/v1/jobs/{job}", "/v1/jobs/j%3A1", { job: "j:1" }],
  ["/v1/jobs:plan", "/v1/jobs:plan", {}],
  ["/v1/jobs:plan", "/v1/jobs", undefined],
  ["/v1/{name=shelves/*/books/*}", "/v1/shelves/1/books/2", { name: "shelves/1/books/2" }],
  ["/v1/{name=files/**}:read", "/v1/files/a/b/c:read", { name: "files/a/b/c" }],
  ["/v1/a.b", "/v1/axb", undefined],
] as const) {
  test(`${template} on ${path}`, () => assert.deepEqual(pathTemplate(template).match(path), want));
}

test("a template that is no template is refused at start", () => {
  for (const text of ["v1/x", "/v1/{a", "/v1/a*"]) assert.throws(() => pathTemplate(text), /path template/);
});

test("a value that is not well percent-encoded is no value", () => {
  assert.throws(() => pathTemplate("/v1/assets/{asset}").match("/v1/assets/%ff"), URIError);
});
