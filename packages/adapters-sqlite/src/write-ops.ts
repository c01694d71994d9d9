import type { WriteOp } from "@heimdex/ports";

/** Operations as they go to the worker thread: one flat list of primitives, as copying between threads costs by the object.
 * Each takes `FIELDS` places: kind, collection, id, version (of delete: -1 for any), sort, terms as JSON, body as JSON. */
export type FlatOps = (string | number)[];
export const FIELDS = 7;
export const INSERT = 0;
export const REPLACE = 1;
export const PUT = 2;
export const DELETE = 3;
const KIND = { insert: INSERT, replace: REPLACE, put: PUT, delete: DELETE } as const;

/** Appends the operations to `flat`.
 * @param bodies the JSON of their bodies */
export function flatten(ops: readonly WriteOp[], bodies: readonly string[], flat: FlatOps): void {
  for (const [i, op] of ops.entries()) {
    if (op.op === "delete") flat.push(DELETE, op.collection, op.id, op.version ?? -1, "", "", "");
    else {
      const version = op.op === "replace" ? op.version : 0;
      flat.push(KIND[op.op], op.collection, op.id, version, op.sort, JSON.stringify(op.terms), bodies[i] as string);
    }
  }
}
