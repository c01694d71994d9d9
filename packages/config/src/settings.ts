import { z } from "zod";
import type { ProductionRule } from "./production.ts";

/** One leaf of a configuration schema, and the variable it is read from. */
export interface Setting {
  /** Keys from the root of the schema: `["telemetry", "logLevel"]`. */
  readonly path: readonly string[];
  /** `HEIMDEX_TELEMETRY_LOG_LEVEL`, or what the field's meta `env` says. */
  readonly variable: string;
  /** The leaf itself, with its default. */
  readonly schema: z.ZodType;
  readonly secret: boolean;
  /** It may be given as a file: its variable with `_FILE`. */
  readonly fromFile: boolean;
  readonly production: ProductionRule | undefined;
}

/** What `.meta()` may say about a field. */
interface SettingMeta {
  readonly env?: string;
  readonly secret?: boolean;
  /** May be given as a file, as every secret may: for what is long but no secret, such as a certificate. */
  readonly file?: boolean;
  /** What `HEIMDEX_ENV=production` refuses of it. */
  readonly production?: ProductionRule;
}

/** The schema's leaves, depth first. Nested objects are folded into the variable's name. */
export function settingsOf(schema: z.ZodObject, path: readonly string[] = []): Setting[] {
  return Object.entries(schema.shape).flatMap(([key, field]) => {
    const here = [...path, key];
    const { inner, meta } = unwrap(field as z.ZodType);
    if (inner instanceof z.ZodObject) return settingsOf(inner, here);
    const secret = meta.secret === true;
    return [
      {
        path: here,
        variable: meta.env ?? variableOf(here),
        schema: field as z.ZodType,
        secret,
        fromFile: secret || meta.file === true,
        production: meta.production,
      },
    ];
  });
}

/** Meta may stand on either side of `.default()` or `.optional()`; the outer one wins. */
function unwrap(field: z.ZodType): { inner: z.ZodType; meta: SettingMeta } {
  let inner = field;
  let meta: SettingMeta = {};
  for (;;) {
    meta = { ...(inner.meta() as SettingMeta | undefined), ...meta };
    const def = inner.def as { innerType?: z.ZodType };
    if (def.innerType === undefined) return { inner, meta };
    inner = def.innerType;
  }
}

function variableOf(path: readonly string[]): string {
  return `HEIMDEX_${path.map((key) => key.replace(/([a-z0-9])([A-Z])/g, "$1_$2").toUpperCase()).join("_")}`;
}
