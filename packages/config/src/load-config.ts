import { readFileSync } from "node:fs";
import { HeimdexError } from "@heimdex/errors";
import type { z } from "zod";
import { productionRefusals, type Refusal } from "./production.ts";
import { deepFreeze } from "./redacted.ts";
import { type Setting, settingsOf } from "./settings.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Reads a configuration from environment variables, once, and freezes it.
 * Field `a.bcDef` is read from `HEIMDEX_A_BC_DEF`, or from the variable in the field's `.meta({ env })`. An empty variable or file counts as unset. Values
 * are text: use `z.coerce.number()`, `z.stringbool()`. A `secret()`, `secretKeys()`, and fields with `.meta({ file: true })`, may instead be given as a file
 * named by `VARIABLE_FILE`. With `HEIMDEX_ENV=production` whatever is unsafe is bad as well: weak credentials, and what fields refuse by
 * `.meta({ production })`; `HEIMDEX_OWN_MACHINE` names hosts that are this machine, with commas between, as those of a container network are.
 * Throws CONFIG_INVALID with a field for every bad variable, all at once. Variables that no field names are not looked at. */
export function loadConfig<S extends z.ZodObject>(schema: S, env: Environment): z.output<S> {
  const settings = settingsOf(schema);
  const fields: Refusal[] = [];
  const input = {};
  const texts = new Map<Setting, string | undefined>();
  for (const setting of settings) {
    try {
      const text = readSetting(setting, env);
      texts.set(setting, text);
      put(input, setting.path, text);
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
  if (isProduction(env, fields)) {
    const read = [...texts].map(([setting, text]) => ({ setting, value: setting.schema.safeParse(text).data }));
    const named = new Set(fields.map(({ field }) => field));
    fields.push(...productionRefusals(read, env.HEIMDEX_OWN_MACHINE ?? "").filter(({ field }) => !named.has(field)));
  }
  if (fields.length > 0) {
    const lines = fields.map(({ field, description }) => `${field}: ${description}`);
    throw new HeimdexError("CONFIG_INVALID", lines.join("; "), { fields });
  }
  return deepFreeze(parsed.data as z.output<S>);
}

/** A word that is none of ours is bad, as it may be one that was meant to be ours. */
function isProduction({ HEIMDEX_ENV: kind }: Environment, fields: Refusal[]): boolean {
  if (kind === "production") return true;
  if (kind !== undefined && kind !== "" && kind !== "development")
    fields.push({ field: "HEIMDEX_ENV", description: "production or development is expected" });
  return false;
}

function readSetting({ variable, fromFile }: Setting, env: Environment): string | undefined {
  const direct = env[variable] || undefined;
  const file = fromFile ? env[`${variable}_FILE`] || undefined : undefined;
  if (file === undefined) return direct;
  if (direct !== undefined) throw new Error(`set either it or ${variable}, not both`);
  try {
    return readFileSync(file, "utf8").replace(/\r?\n$/, "") || undefined;
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
