import { HeimdexError } from "@heimdex/errors";
import type { OrchestratorPorts } from "../ports.ts";

/** What changes something, by port. */
const WRITES: Readonly<Record<string, readonly string[]>> = {
  catalog: ["write"],
  blobs: ["put", "delete", "putNamed", "createNamed", "deleteNamed"],
  index: ["replaceAssets", "dropSpace", "removeAssets"],
};

/** Ports whose writes end at will, as those of a killed process do. Test code only. */
export class Cut {
  #left = Number.POSITIVE_INFINITY;

  /** Lets so many more writes pass. */
  after(writes: number): void {
    this.#left = writes;
  }

  /** Whether a write has been held back. */
  get isCut(): boolean {
    return this.#left < 0;
  }

  /** Lets all pass again. Says whether any was held back. */
  mend(): boolean {
    const wasCut = this.isCut;
    this.#left = Number.POSITIVE_INFINITY;
    return wasCut;
  }

  readonly wrap = (ports: OrchestratorPorts): OrchestratorPorts => ({
    ...ports,
    catalog: this.#port("catalog", ports.catalog),
    blobs: this.#port("blobs", ports.blobs),
    index: this.#port("index", ports.index),
  });

  #port<P extends object>(name: string, port: P): P {
    return new Proxy(port, {
      get: (target, key) => {
        const value: unknown = Reflect.get(target, key);
        if (typeof value !== "function") return value;
        if (typeof key !== "string" || !WRITES[name]?.includes(key)) return value.bind(target);
        return (...args: unknown[]) => {
          if (--this.#left < 0)
            return Promise.reject(new HeimdexError("CATALOG_UNAVAILABLE", "the process was killed"));
          return value.apply(target, args) as unknown;
        };
      },
    });
  }
}
