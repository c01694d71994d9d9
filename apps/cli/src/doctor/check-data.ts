import { once } from "node:events";
import { constants } from "node:fs";
import { access, readFile, statfs } from "node:fs/promises";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { DATA_VERSION } from "../host/data-folder.ts";
import { type HostAddress, hostFile } from "../host/host-address.ts";
import { FileLock } from "../host/host-lock.ts";
import { bytes } from "../ui/text.ts";
import { type Finding, ok, problem, warning } from "./finding.ts";

/** Leasing stops below. */
const MIN_FREE_BYTES = 2 * 1024 ** 3;
const PORTS = [
  ["HTTP", 8480, "--http-port"],
  ["gRPC", 8481, "--grpc-port"],
  ["workers", 8482, "--worker-port"],
  ["data", 8483, "--data-port"],
] as const;

/** The data directory: may it be written, who wrote it, does it have room, does somebody host it. Creates nothing. */
export async function checkData(root: string): Promise<Finding[]> {
  const existing = await nearestExisting(root);
  const isThere = existing === root;
  const findings: Finding[] = [];
  try {
    await access(existing, constants.W_OK | constants.X_OK);
    findings.push(ok("data directory", isThere ? root : `${root} will be made`));
  } catch (reason) {
    const why = (reason as NodeJS.ErrnoException).code ?? String(reason);
    return [
      problem(
        "data directory",
        `${existing} cannot be written (${why})`,
        "Choose another with --data or HEIMDEX_DATA.",
      ),
    ];
  }
  if (isThere) findings.push(await checkVersion(root), await checkHost(root));
  const disk = await statfs(existing);
  const free = disk.bavail * disk.bsize;
  findings.push(
    free >= MIN_FREE_BYTES
      ? ok("disk space", `${bytes(free)} free`)
      : problem("disk space", `${bytes(free)} free`, `Free some: work pauses below ${bytes(MIN_FREE_BYTES)}.`),
  );
  return findings;
}

async function nearestExisting(path: string): Promise<string> {
  try {
    await access(path);
    return path;
  } catch (reason) {
    const { code } = reason as NodeJS.ErrnoException;
    if ((code !== "ENOENT" && code !== "ENOTDIR") || dirname(path) === path) throw reason;
    return nearestExisting(dirname(path));
  }
}

async function checkVersion(root: string): Promise<Finding> {
  const check = "data version";
  const text = await readFile(join(root, "version.json"), "utf8").catch((reason: NodeJS.ErrnoException) => {
    if (reason.code === "ENOENT") return undefined;
    throw reason;
  });
  if (text === undefined) return ok(check, "nothing has been indexed yet");
  const version = /"data_version":\s*(\d+)/.exec(text)?.[1];
  if (version === undefined)
    return problem(check, `${join(root, "version.json")} names no version`, "Put the file back from a copy.");
  if (Number(version) > DATA_VERSION)
    return problem(
      check,
      `${version}; this Heimdex knows ${DATA_VERSION}`,
      "Use the Heimdex that wrote it, or a newer one.",
    );
  return ok(check, version);
}

async function checkHost(root: string): Promise<Finding> {
  const check = "host";
  const run = join(root, "run");
  const exists = await access(join(run, "host.lock")).then(
    () => true,
    (reason: NodeJS.ErrnoException) => {
      if (reason.code === "ENOENT") return false;
      throw reason;
    },
  );
  if (!exists) return ok(check, "none has run yet");
  const free = FileLock.try(join(run, "host.lock"), "exclusive");
  if (free !== undefined) {
    free[Symbol.dispose]();
    return ok(check, "none runs; commands host for their own length");
  }
  const address = await readFile(hostFile({ run }), "utf8").then(
    (text) => JSON.parse(text) as HostAddress,
    (reason: NodeJS.ErrnoException) => {
      if (reason.code === "ENOENT") return undefined;
      throw reason;
    },
  );
  return address === undefined
    ? ok(check, "one is just starting")
    : ok(check, `process ${address.pid} at http://${address.http}`);
}

/** The ports that `heimdex up` takes by default. Other commands take free ones. */
export async function checkPorts(root: string): Promise<Finding[]> {
  const own = await readFile(hostFile({ run: join(root, "run") }), "utf8").catch((reason: NodeJS.ErrnoException) => {
    if (reason.code === "ENOENT" || reason.code === "ENOTDIR") return "";
    throw reason;
  });
  const taken: string[] = [];
  const flags: string[] = [];
  for (const [what, port, flag] of PORTS) {
    if (await isFree(port)) continue;
    // The data port is not in the file; it belongs to whoever has the workers' port.
    if (own.includes(`:${port === 8483 ? 8482 : port}"`)) continue;
    taken.push(`${port} (${what})`);
    flags.push(`${flag} 0`);
  }
  if (taken.length === 0)
    return [ok("ports", `${PORTS.map(([, port]) => port).join(", ")} are free or this archive's own`)];
  return [
    warning(
      "ports",
      `other programs listen on ${taken.join(", ")}`,
      `Stop them, or use other ports: heimdex up ${flags.join(" ")}`,
    ),
  ];
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    return true;
  } catch (reason) {
    if ((reason as NodeJS.ErrnoException).code === "EADDRINUSE") return false;
    throw reason;
  } finally {
    if (server.listening) await new Promise<void>((resolve) => server.close(() => resolve()));
  }
}
