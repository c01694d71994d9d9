import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { descriptorSet } from "./descriptor-set.ts";

const proto = fileURLToPath(new URL("../../../proto", import.meta.url));
const { file: files } = fromBinary(FileDescriptorSetSchema, descriptorSet());

test("the descriptor set holds every call that the contracts name", () => {
  const sources = readdirSync(proto, { recursive: true, encoding: "utf8" }).filter((path) => path.endsWith(".proto"));
  const written = sources.flatMap((path) =>
    [...readFileSync(join(proto, path), "utf8").matchAll(/^ {2}rpc (\w+)\(/gm)].map(([, name]) => `${path}: ${name}`),
  );
  const held = files.flatMap(({ name, service }) =>
    service.flatMap(({ method }) => method.map((call) => `${name}: ${call.name}`)),
  );
  assert.ok(written.length >= 25, `only ${written.length} calls were found`);
  assert.deepEqual(held.filter((call) => call.startsWith("heimdex/")).sort(), written.sort());
});

test("the descriptor set holds all that its files import: reflection needs nothing else", () => {
  const names = new Set(files.map(({ name }) => name));
  const missing = files.flatMap(({ dependency }) => dependency.filter((path) => !names.has(path)));
  assert.deepEqual(missing, []);
});
