import { SECRET, secretKeys } from "@heimdex/config";
import { z } from "zod";

const flag = z.union([z.boolean(), z.stringbool()]);

/** Whether callers must show a key: `HEIMDEX_AUTH_REQUIRED`, and `HEIMDEX_ADMIN_KEY` or the file that `HEIMDEX_ADMIN_KEY_FILE` names. */
export const authConfig = z
  .strictObject({
    /** Callers must show a key. Where it is false, only loopback is listened on. Default false. */
    required: flag.default(false).meta({
      production: (required: unknown) =>
        required === true ? undefined : "true is expected: else anybody may do anything",
    }),
    /** A key of an admin of the tenant `default`, to make the first keys with: 32 to 256 printable ASCII characters. It is never stored. Several, with white
     * space between, while it is being changed. Default: none. */
    adminKey: secretKeys(z.string().regex(/^[\x21-\x7e]{32,256}$/, "32 to 256 printable ASCII characters are expected"))
      .meta({ ...SECRET, env: "HEIMDEX_ADMIN_KEY" })
      .optional(),
  })
  .prefault({});
export type AuthConfig = z.output<typeof authConfig>;
