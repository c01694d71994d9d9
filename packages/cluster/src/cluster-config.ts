import { type ProductionRule, refusePlain, SECRET, type Secret, secret } from "@heimdex/config";
import { z } from "zod";

const httpUrl = z.url({ protocol: /^https?$/ }).meta({ production: refusePlain });
const required = (what: string) => (value: unknown) => (value === undefined ? `${what} is expected` : undefined);

/** MongoDB's own drivers turn TLS on for `mongodb+srv`, and for `tls=true` or `ssl=true`. */
const refuseOpenCatalog: ProductionRule = (value, _beside, isOwn) => {
  const url = (value as Secret | undefined)?.reveal() ?? "";
  const hosts = /^mongodb:\/\/(?:[^@/]*@)?([^/?]*)/.exec(url)?.[1]?.split(",") ?? [];
  const isLocal = hosts.length > 0 && hosts.every((host) => isOwn(host.replace(/:\d+$/, "")));
  if (!isLocal && !/^mongodb\+srv:/.test(url) && !/[?&](?:tls|ssl)=true\b/.test(url))
    return "TLS is expected: tls=true in the URL, or mongodb+srv";
  if (/[?&](?:tlsInsecure|tlsAllowInvalidCertificates|tlsAllowInvalidHostnames)=true\b/.test(url))
    return "a server whose certificate is looked at is expected: leave the options out that turn that off";
  if (!/^[^/]+:\/\/[^/@]+@/.test(url) && !/[?&]authMechanism=/.test(url)) return "a user is expected in the URL";
  return undefined;
};

/** Where the servers of a cluster are, from the environment: `HEIMDEX_CATALOG_URL`, `HEIMDEX_BUS_URL`, `HEIMDEX_BLOBS_ENDPOINT` and so on. Each secret may be given as a
 * file instead, which the variable with `_FILE` names. */
export const clusterConfig = z.object({
  catalog: z.object({
    /** `mongodb://USER:PASSWORD@HOST/?authSource=admin`: MongoDB's own connection string, TLS and replica set included. */
    url: secret(z.string().regex(/^mongodb(\+srv)?:\/\//, "a URL that begins with mongodb:// or mongodb+srv://")).meta({
      ...SECRET,
      production: refuseOpenCatalog,
    }),
    /** Database that belongs to Heimdex alone. Default `heimdex`. */
    database: z.string().min(1).default("heimdex"),
  }),
  bus: z.object({
    /** `nats://HOST:4222`; several with commas. */
    url: z
      .string()
      .regex(/^(nats|tls):\/\/\S+$/, "a URL that begins with nats:// or tls://")
      .meta({ production: refusePlain }),
    /** Default: none. */
    user: z
      .string()
      .min(1)
      .optional()
      .meta({ file: true, production: required("a user") }),
    /** Default: none. */
    password: secret()
      .optional()
      .meta({ production: required("a password") }),
  }),
  blobs: z.object({
    /** Where this service reaches the store: `http://minio:9000`, `https://s3.eu-central-1.amazonaws.com`. */
    endpoint: httpUrl,
    /** Where browsers and workers outside reach it: the host of the URLs they are given. Default: as `endpoint`. */
    publicEndpoint: httpUrl.optional(),
    bucket: z.string().min(3).default("heimdex"),
    region: z.string().min(1).default("us-east-1"),
    accessKey: secret(),
    secretKey: secret(),
  }),
});
export type ClusterConfig = z.output<typeof clusterConfig>;
