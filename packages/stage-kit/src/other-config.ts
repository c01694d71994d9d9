import { Ajv2020 } from "ajv/dist/2020.js";

interface Property {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly default?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
}

/** A configuration that differs from the defaults wherever a schema says what else is allowed; and what is wrong with the defaults, if anything. Pure.
 * @param schema JSON Schema as text; empty: no configuration */
export function otherConfig(schema: string): { readonly config: Record<string, unknown>; readonly fault?: string } {
  if (schema === "") return { config: {} };
  const whole = JSON.parse(schema) as { readonly properties?: Readonly<Record<string, Property>> };
  const ajv = new Ajv2020({ strict: false, logger: false, validateFormats: false });
  const isAllowed = ajv.compile(whole as object);
  const properties = Object.entries(whole.properties ?? {});
  const without = properties.find(([, property]) => !("default" in property));
  if (without !== undefined) return { config: {}, fault: `config_schema: ${without[0]} has no default` };
  const defaults = Object.fromEntries(properties.map(([name, property]) => [name, property.default]));
  if (!isAllowed(defaults)) {
    const [error] = isAllowed.errors ?? [];
    return {
      config: {},
      fault: `config_schema does not allow its own defaults: ${error?.instancePath} ${error?.message}`,
    };
  }
  const config: Record<string, unknown> = {};
  for (const [name, property] of properties) {
    const other = candidates(property).find(
      (value) => value !== property.default && isAllowed({ ...defaults, ...config, [name]: value }),
    );
    if (other !== undefined) config[name] = other;
  }
  return { config };
}

function candidates(property: Property): unknown[] {
  if (property.enum !== undefined) return [...property.enum];
  const value = property.default;
  if (typeof value === "boolean") return [!value];
  if (typeof value !== "number") return [];
  // Close to the default: the ends of a range may ask for more work than a test should wait for.
  return [value + 1, value - 1, value / 2, value * 2, property.maximum, property.minimum].filter(
    (n) => n !== undefined,
  );
}
