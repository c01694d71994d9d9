import { setImmediate as turn } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Catalog } from "@heimdex/ports";

/** Notes each document of a job that goes into the catalog or comes out of it. `kept` says of how many jobs one is still referred to. Test code only. */
export function watchJobs(catalog: Catalog) {
  const seen: { readonly id: string; readonly body: WeakRef<object> }[] = [];
  const note = (id: string, body: unknown) => void seen.push({ id, body: new WeakRef(body as object) });
  const noted = <D extends { readonly id: string; readonly body: unknown } | undefined>(
    collection: string,
    found: D,
  ): D => {
    if (collection === "jobs" && found !== undefined) note(found.id, found.body);
    return found;
  };
  const watched = new Proxy(catalog, {
    get(target, name) {
      const calls: Partial<Catalog> = {
        get: async (collection, id) => noted(collection, await target.get(collection, id)),
        getMany: async (collection, ids) =>
          (await target.getMany(collection, ids)).map((found) => noted(collection, found)) as never,
        find: async (query) => (await target.find(query)).map((found) => noted(query.collection, found)) as never,
        write: (ops) => {
          for (const op of ops) if (op.collection === "jobs" && op.op !== "delete") note(op.id, op.body);
          return target.write(ops);
        },
      };
      const own = calls[name as keyof Catalog] ?? target[name as keyof Catalog];
      return typeof own === "function" ? own.bind(target) : own;
    },
  });
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const kept = async () => {
    await turn(); // what a weak reference was asked for stays until the turn's end
    collect();
    return new Set(seen.filter(({ body }) => body.deref() !== undefined).map(({ id }) => id)).size;
  };
  return { watched, kept };
}
