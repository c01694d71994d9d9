import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Artifact, Lease } from "@heimdex/contracts/stage/v1/work_service";

const DRIP_EVERY_MS = 250;

/** One time a worker asked for bytes of an input. Times by `performance.now()`. */
export interface Reading {
  readonly lease: string;
  readonly port: string;
  readonly atMs: number;
  /** When it ended, by either side. */
  endMs: number | undefined;
}

interface Served {
  readonly lease: string;
  readonly source: string;
  readonly epoch: number;
  readonly artifact: Artifact;
  /** Asked for once: a held input goes on coming whatever becomes of its lease meanwhile. */
  bytes: Promise<Buffer> | undefined;
}

/** Serves the inputs of leases, and can hold them back: then their bytes come one by one and never all, until they are let go. So the kit decides how long
 * an attempt takes, whatever the stage does. What passes here has no local path. */
export class DataGate implements AsyncDisposable {
  readonly readings: Reading[] = [];
  readonly #server: Server;
  readonly #served: Served[] = [];
  /** Sources held back, with the last epoch that is. */
  readonly #held = new Map<string, number>();
  readonly #onOpened = new Set<() => void>();
  readonly #onReading: () => void;

  private constructor(onReading: () => void) {
    this.#onReading = onReading;
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch((reason: unknown) => {
        if (!response.headersSent) response.writeHead(502);
        response.end(String(reason));
      });
    });
  }

  /** @param onReading called when a worker begins to read */
  static async listen(onReading: () => void): Promise<DataGate> {
    const gate = new DataGate(onReading);
    await new Promise<void>((resolve) => gate.#server.listen(0, "127.0.0.1", resolve));
    return gate;
  }

  /** Holds back what leases of a source read, from now on.
   * @param lastEpoch leases after this one are served as usual. Default: all are held */
  hold(sourceName: string, lastEpoch = Number.POSITIVE_INFINITY): void {
    this.#held.set(sourceName, lastEpoch);
  }

  release(sourceName: string): void {
    this.#held.delete(sourceName);
    for (const look of [...this.#onOpened]) look();
  }

  /** The same lease with inputs that are read here. */
  through(lease: Lease): Lease {
    const { port } = this.#server.address() as AddressInfo;
    const inputs = lease.inputs.map((artifact): Artifact => {
      const { lease: id, epoch, sourceName: source } = lease;
      const number = this.#served.push({ lease: id, source, epoch, artifact, bytes: undefined }) - 1;
      const value = `http://127.0.0.1:${port}/${number}`;
      return { ...artifact, path: "", content: { $case: "url", value } };
    });
    return { ...lease, inputs };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #isHeld({ source, epoch }: Served): boolean {
    const lastEpoch = this.#held.get(source);
    return lastEpoch !== undefined && epoch <= lastEpoch;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const served = this.#served[Number((request.url ?? "").slice(1))];
    if (served === undefined) {
      response.writeHead(404).end();
      return;
    }
    served.bytes ??= fetchInput(served.artifact);
    const { status, headers, body } = partOf(await served.bytes, request.headers.range);
    const reading: Reading = {
      lease: served.lease,
      port: served.artifact.port,
      atMs: performance.now(),
      endMs: undefined,
    };
    this.readings.push(reading);
    response.once("close", () => {
      reading.endMs = performance.now();
      this.#onReading();
    });
    this.#onReading();
    response.writeHead(status, headers);
    if (request.method === "HEAD") {
      response.end();
      return;
    }
    const rest = this.#isHeld(served) ? await this.#drip(served, body, response) : body;
    response.end(rest);
  }

  /** Writes byte by byte while the input is held; answers what is left. */
  #drip(served: Served, body: Buffer, response: ServerResponse): Promise<Buffer> {
    return new Promise((resolve) => {
      let done = 0;
      response.flushHeaders();
      const timer = setInterval(() => {
        if (done < body.length - 1) response.write(body.subarray(done, ++done));
      }, DRIP_EVERY_MS);
      const look = () => {
        if (this.#isHeld(served) && !response.destroyed) return;
        clearInterval(timer);
        this.#onOpened.delete(look);
        resolve(body.subarray(done));
      };
      this.#onOpened.add(look);
      response.once("close", look);
      look(); // it may have been let go, or given up, while the bytes were fetched
    });
  }
}

async function fetchInput({ content, port }: Artifact): Promise<Buffer> {
  if (content?.$case !== "url") return content?.$case === "inline" ? content.value : Buffer.alloc(0);
  const answer = await fetch(content.value);
  if (!answer.ok) throw new Error(`input ${port} was answered ${answer.status}`);
  return Buffer.from(await answer.arrayBuffer());
}

/** An answer with all bytes, or with those of a range: `bytes=FROM-`, `bytes=FROM-TO`. */
function partOf(
  bytes: Buffer,
  range: string | undefined,
): { status: number; headers: Record<string, string>; body: Buffer } {
  const [, first = "0", last = ""] = /^bytes=(\d+)-(\d*)$/.exec(range ?? "") ?? [];
  const from = Number(first);
  const to = last === "" ? bytes.length : Math.min(bytes.length, Number(last) + 1);
  if (from > 0 && from >= bytes.length)
    return { status: 416, headers: { "content-range": `bytes */${bytes.length}` }, body: Buffer.alloc(0) };
  const body = bytes.subarray(from, to);
  const headers = {
    "content-type": "application/octet-stream",
    "content-length": String(body.length),
    "accept-ranges": "bytes",
  };
  if (range === undefined) return { status: 200, headers, body };
  return {
    status: 206,
    headers: { ...headers, "content-range": `bytes ${from}-${to - 1}/${bytes.length}` },
    body,
  };
}
