import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export const COMMIT = "0123456789abcdef0123456789abcdef01234567";
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const gitOid = (bytes: Uint8Array) => createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");

/** How a request for a file is answered. `bytes` is what the file is. */
export type Answer = (request: IncomingMessage, response: ServerResponse, bytes: Buffer, nth: number) => void;

export interface Hub extends AsyncDisposable {
  readonly address: string;
  readonly files: Map<string, Buffer>;
  /** What the tree states instead of the truth. */
  readonly lies: Map<string, object>;
  /** By path; default `plainly`. */
  readonly answers: Map<string, Answer>;
  /** Requests seen: address with query, range, and whether a token came along. */
  readonly seen: { readonly path: string; readonly range: string | undefined; readonly token: string | undefined }[];
  /** Status for every call of the API, instead of an answer. */
  refuse: { readonly status: number; readonly headers?: Record<string, string>; times: number } | undefined;
}

/** With ranges, as hubs answer. */
export const plainly: Answer = (request, response, bytes) => {
  const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
  if (from > 0 && from >= bytes.length) {
    response.writeHead(416).end();
    return;
  }
  const body = bytes.subarray(from);
  response.writeHead(from > 0 ? 206 : 200, {
    "content-length": body.length,
    ...(from > 0 && { "content-range": `bytes ${from}-${bytes.length - 1}/${bytes.length}` }),
  });
  response.end(body);
};

/** A server on this machine that speaks the hub's paths for the repository `somebody/tiny`, whose branch `main` is at COMMIT.
 * Files under `onnx/` are in LFS, others in git. */
export async function startHub(files: Record<string, Buffer>): Promise<Hub> {
  const counts = new Map<string, number>();
  const server = createServer((request, response) => {
    const path = request.url ?? "";
    hub.seen.push({ path, range: request.headers.range, token: request.headers.authorization });
    const name = path.split(`/resolve/${COMMIT}/`)[1]?.split("?")[0];
    if (name !== undefined) {
      const bytes = hub.files.get(name);
      const nth = counts.get(name) ?? 0;
      counts.set(name, nth + 1);
      if (bytes === undefined) response.writeHead(404).end();
      else (hub.answers.get(name) ?? plainly)(request, response, bytes, nth);
      return;
    }
    if (hub.refuse !== undefined && hub.refuse.times-- > 0) {
      response.writeHead(hub.refuse.status, hub.refuse.headers).end();
      return;
    }
    response.setHeader("content-type", "application/json");
    if (path === "/api/models/somebody/tiny/revision/main") response.end(JSON.stringify({ id: "tiny", sha: COMMIT }));
    else if (path === `/api/models/somebody/tiny/tree/${COMMIT}?recursive=true`) {
      // Two pages, as long lists have.
      response.setHeader("link", `<${hub.address}${path}&cursor=2>; rel="next"`);
      response.end(JSON.stringify([{ type: "directory", oid: "0", size: 0, path: "onnx" }, ...tree().slice(0, 1)]));
    } else if (path === `/api/models/somebody/tiny/tree/${COMMIT}?recursive=true&cursor=2`) {
      response.end(JSON.stringify(tree().slice(1)));
    } else response.writeHead(404).end();
  });
  const tree = () =>
    [...hub.files].map(([path, bytes]) => ({
      type: "file",
      path,
      size: bytes.length,
      ...(path.startsWith("onnx/")
        ? { oid: "1".repeat(40), lfs: { oid: sha256(bytes), size: bytes.length, pointerSize: 130 } }
        : { oid: gitOid(bytes) }),
      ...hub.lies.get(path),
    }));
  const hub: Hub = {
    address: "",
    files: new Map(Object.entries(files)),
    lies: new Map(),
    answers: new Map(),
    seen: [],
    refuse: undefined,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return Object.assign(hub, { address: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
}
