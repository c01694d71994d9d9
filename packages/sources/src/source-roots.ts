import { realpath } from "node:fs/promises";
import { isAbsolute, join, relative } from "node:path";
import { OPERATOR_TENANT } from "@heimdex/access";
import { HeimdexError } from "@heimdex/errors";

/** Folders that tenants may name files in: else an editor of one tenant would read another's films, or any file of the server's, by indexing it. The
 * operator's own tenant may name any file. */
export class SourceRoots {
  readonly #roots: readonly string[];

  /** @param roots absolute paths; `{tenant}` in one stands for each tenant's name. None: only the operator's tenant names files */
  constructor(roots: readonly string[]) {
    this.#roots = roots;
  }

  /** Links are followed: what counts is where the bytes lie. What is outside is answered the same whether it is there or not.
   * Throws SOURCE_REFUSED.
   * @param orItself the folder itself may be named, too: to list it */
  async check(tenant: string, path: string, orItself = false): Promise<void> {
    if (tenant === OPERATOR_TENANT) return;
    for (const root of this.#roots) {
      const own = root.replaceAll("{tenant}", tenant);
      if (!isWithin(own, path, orItself)) continue;
      const [where, real] = await Promise.all([resolved(own), resolved(path)]);
      if (where !== undefined && isWithin(where, real ?? join(where, relative(own, path)), orItself)) return;
    }
    throw new HeimdexError("SOURCE_REFUSED", `${path} is in no folder that the tenant ${tenant} may name files in`, {
      metadata: { source: path },
    });
  }
}

function isWithin(folder: string, path: string, orItself: boolean): boolean {
  const way = relative(folder, path);
  return (orItself || way !== "") && way !== ".." && !way.startsWith("../") && !isAbsolute(way);
}

/** Undefined where there is nothing, or nothing that can be looked at. */
async function resolved(path: string): Promise<string | undefined> {
  try {
    return await realpath(path);
  } catch (reason) {
    const { code } = reason as NodeJS.ErrnoException;
    if (code === undefined) throw reason;
    return undefined;
  }
}
