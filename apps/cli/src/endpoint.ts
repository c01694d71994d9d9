import { createHash } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { loadConfig, refusePlain, type Secret, secret } from "@heimdex/config";
import { ChannelCredentials, createChannel } from "nice-grpc";
import { z } from "zod";
import type { Context } from "./context.ts";
import { apiClients, type Platform } from "./platform.ts";
import { UsageError } from "./usage-error.ts";

const FORM = /^(?:https?:\/\/)?(?:\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+):\d{1,5}$/;

const settings = z.object({
  endpoint: z.string().optional().meta({ production: refusePlain }),
  key: secret(z.string().regex(/^[\x21-\x7e]+$/, "a key of printable ASCII characters is expected")).optional(),
  tls: z
    .object({ clientCert: z.string().meta({ file: true }).optional(), clientKey: secret().optional() })
    .refine(({ clientCert, clientKey }) => (clientCert === undefined) === (clientKey === undefined), {
      path: ["clientKey"],
      message: "certificate and key go together",
    }),
});

/** A gateway that runs elsewhere, and how to show oneself to it. */
export interface Endpoint {
  /** `https://host:port`, or `host:port` without TLS: where it serves gRPC. */
  readonly address: string;
  readonly key: Secret | undefined;
  readonly tls: { readonly clientCert?: string | undefined; readonly clientKey?: Secret | undefined };
}

/** The gateway that `--endpoint` names, else HEIMDEX_ENDPOINT unless `--data` says that the local archive is meant. Its key comes from HEIMDEX_KEY or the file
 * that HEIMDEX_KEY_FILE names, never from an argument, which every user of the machine may read.
 * @throws UsageError; HeimdexError CONFIG_INVALID */
export function endpointOf(
  option: string | undefined,
  data: string | undefined,
  env: NodeJS.ProcessEnv,
): Endpoint | undefined {
  if (option !== undefined && data !== undefined)
    throw new UsageError("--endpoint and --data name two archives", "Give one of them.");
  if (option === undefined && (data !== undefined || (env.HEIMDEX_ENDPOINT || "") === "")) return undefined;
  const { endpoint, key, tls } = loadConfig(settings, env);
  const address = option ?? endpoint ?? "";
  if (!FORM.test(address))
    throw new UsageError(`${address} is no endpoint`, "It must be host:port, or https://host:port where there is TLS.");
  return { address, key, tls };
}

/** Whether nobody on the way reads what is sent there. */
export function isPrivate({ address }: Endpoint): boolean {
  return address.startsWith("https://") || /^(?:http:\/\/)?(?:127\.|localhost:|\[::1\])/.test(address);
}

/** @param instead what does the same there, a sentence. Default: nothing
 * @throws UsageError for commands that make no sense with a gateway elsewhere */
export function localOnly({ endpoint }: Pick<Context, "endpoint">, command: string, instead = ""): void {
  if (endpoint === undefined) return;
  const here = "Leave --endpoint out, and unset HEIMDEX_ENDPOINT or name the directory with --data.";
  throw new UsageError(
    `${command} works on the data directory of this machine, and not through ${endpoint.address}`,
    [instead, here].filter((sentence) => sentence !== "").join(" "),
  );
}

/** Where commands remember things between two runs, such as the last search: for a gateway elsewhere a folder of the user's own. */
export async function stateFolder({ address }: Endpoint, env: NodeJS.ProcessEnv): Promise<string> {
  const base = env.XDG_STATE_HOME || join(homedir(), ".local", "state");
  const folder = join(base, "heimdex", createHash("sha256").update(address).digest("hex").slice(0, 16));
  await mkdir(folder, { recursive: true, mode: 0o700 });
  return folder;
}

/** The platform behind an endpoint. It connects with the first call, and again by itself. */
export function remotePlatform({ address, key, tls }: Endpoint): Platform {
  const { clientCert, clientKey } = tls;
  const credentials =
    clientCert === undefined || clientKey === undefined || !address.startsWith("https://")
      ? undefined
      : ChannelCredentials.createSsl(null, Buffer.from(clientKey.reveal()), Buffer.from(clientCert));
  const channel = createChannel(address, credentials);
  const shown = key?.reveal() ?? "";
  return {
    api: apiClients(channel, shown),
    address: { pid: 0, services: [], http: "", grpc: address, worker: "", key: shown },
    host: undefined,
    async [Symbol.asyncDispose]() {
      channel.close();
    },
  };
}
