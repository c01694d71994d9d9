import { readFileSync } from "node:fs";
import { HeimdexError } from "@heimdex/errors";
import type { z } from "zod";
import { deepFreeze, rememberSecrets } from "./redacted.ts";
import { type Setting, settingsOf } from "./settings.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Reads a configuration from environment variables, once, and freezes it.
 * Field `a.bcDef` is read from `HEIMDEX_A_BC_DEF`, or from the variable in the field's `.meta({ env })`. An empty variable counts as unset. Values are
 * text: use `z.coerce.number()`, `z.stringbool()`. A `secret()`, and fields with `.meta({ secret: true })` or `.meta({ file: true })`, may instead be given
 * as a file named by `VARIABLE_FILE`.
 * Throws CONFIG_INVALID with a field for every bad variable, all at once. Variables that no field names are not looked at. */
export function loadConfig<S extends z.ZodObject>(schema: S, env: Environment): z.output<S> {
  const settings = settingsOf(schema);
  const fields: { field: string; description: string }[] = [];
  const input = {};
  for (const setting of settings) {
    try {
      put(input, setting.path, readSetting(setting, env));
    } catch (reason) {
      fields.push({ field: `${setting.variable}_FILE`, description: (reason as Error).message });
    }
  }
  const parsed = schema.safeParse(input, { reportInput: false });
  for (const issue of parsed.error?.issues ?? []) {
    const setting = settings.find(({ path }) => path.every((key, at) => key === issue.path[at]));
    const field = setting?.variable ?? (issue.path.map(String).join(".") || "configuration");
    // A secret whose file cannot be read is already named, and is missing only therefore.
    if (!fields.some((known) => known.field === `${field}_FILE`)) fields.push({ field, description: issue.message });
  }
  if (fields.length > 0) {
    const lines = fields.map(({ field, description }) => `${field}: ${description}`);
    throw new HeimdexError("CONFIG_INVALID", lines.join("; "), { fields });
  }
  const config = parsed.data as z.output<S>;
  rememberSecrets(
    config,
    settings.filter(({ secret }) => secret).map(({ path }) => path),
  );
  return deepFreeze(config);
}

function readSetting({ variable, fromFile }: Setting, env: Environment): string | undefined {
  const direct = env[variable] || undefined;
  const file = fromFile ? env[`${variable}_FILE`] || undefined : undefined;
  if (file === undefined) return direct;
  if (direct !== undefined) throw new Error(`set either it or ${variable}, not both`);
  try {
    return readFileSync(file, "utf8").replace(/\r?\n$/, "");
  } catch (reason) {
    throw new Error(`a readable file is expected (${(reason as NodeJS.ErrnoException).code ?? String(reason)})`, {
      cause: reason,
    });
  }
}

/** Puts an object at every step of `path`, also where nothing is set, so that defaults of nested fields apply. */
function put(into: Record<string, unknown>, path: readonly string[], value: string | undefined): void {
  let at = into;
  for (const key of path.slice(0, -1)) {
    at[key] ??= {};
    at = at[key] as Record<string, unknown>;
  }
  if (value !== undefined) at[path.at(-1) as string] = value;
}
