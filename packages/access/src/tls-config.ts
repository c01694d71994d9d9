import { ServerCredentials } from "@grpc/grpc-js";
import { secret } from "@heimdex/config";
import { z } from "zod";

const pem = z
  .string()
  .regex(/-----BEGIN CERTIFICATE-----/, "certificates in PEM are expected")
  .meta({ file: true });

/** TLS of a server's ports: `HEIMDEX_TLS_CERT_FILE`, `HEIMDEX_TLS_KEY_FILE`, `HEIMDEX_TLS_CLIENT_CA_FILE`, or the same without `_FILE` and with PEM as
 * value; `HEIMDEX_TLS_BEHIND_PROXY`. */
export const tlsConfig = z
  .strictObject({
    /** The server's certificate in PEM, with those between it and its root behind it. Default: none, and no TLS. */
    cert: pem.optional().meta({
      production: (cert: unknown, { behindProxy }: Readonly<Record<string, unknown>>) =>
        cert === undefined && behindProxy !== true
          ? "a certificate is expected, or HEIMDEX_TLS_BEHIND_PROXY=true where a proxy in front ends TLS"
          : undefined,
    }),
    /** Its private key in PEM. */
    key: secret(z.string().regex(/-----BEGIN [A-Z ]*PRIVATE KEY-----/, "a private key in PEM is expected")).optional(),
    /** Authorities in PEM, one of which must have signed the certificate that a client shows (mTLS). Default: clients need none. */
    clientCa: pem.optional(),
    /** A proxy in front ends TLS, and nothing but that proxy and programs of this machine reaches the port. Heimdex cannot look whether it is so: whoever sets it
     * has. Default false. */
    behindProxy: z.union([z.boolean(), z.stringbool()]).default(false),
  })
  .refine(({ cert, key }) => (cert === undefined) === (key === undefined), {
    path: ["key"],
    message: "certificate and key go together",
  })
  .refine(({ cert, clientCa }) => clientCa === undefined || cert !== undefined, {
    path: ["clientCa"],
    message: "clients can show a certificate only to a server that has one",
  })
  .prefault({});
export type TlsConfig = z.output<typeof tlsConfig>;

/** What Node's `https` takes for a server; undefined: no TLS. */
export function httpsOptions({ cert, key, clientCa }: TlsConfig) {
  if (cert === undefined || key === undefined) return undefined;
  const client = clientCa === undefined ? {} : { ca: clientCa, requestCert: true, rejectUnauthorized: true };
  return { cert, key: key.reveal(), minVersion: "TLSv1.2", ...client } as const;
}

/** What gRPC takes for a server's port. */
export function grpcCredentials({ cert, key, clientCa }: TlsConfig): ServerCredentials {
  if (cert === undefined || key === undefined) return ServerCredentials.createInsecure();
  const pair = { cert_chain: Buffer.from(cert), private_key: Buffer.from(key.reveal()) };
  const roots = clientCa === undefined ? null : Buffer.from(clientCa);
  return ServerCredentials.createSsl(roots, [pair], clientCa !== undefined);
}
