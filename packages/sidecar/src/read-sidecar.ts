import { shapeIssues } from "./shape.ts";
import { SIDECAR_SCHEMA, SIDECAR_VERSION, type Sidecar } from "./sidecar.ts";
import { SidecarUnreadable } from "./sidecar-unreadable.ts";
import { isObject, majorOf, UPGRADERS, upgrade } from "./upgrade.ts";

/** Reads a sidecar: any version up to the newest minor of this major, older ones upgraded. Fields it does not know stay, and so do layers of kinds and
 * versions that came later: use `layersOf` to get those of a kind that this code can read.
 * @param json the document, as text or parsed
 * Throws SidecarUnreadable. What no schema can say is not looked at: see `checkSidecar`. */
export function readSidecar(json: unknown): Sidecar {
  const value = typeof json === "string" ? parse(json) : json;
  if (!isObject(value) || value.schema !== SIDECAR_SCHEMA)
    throw new SidecarUnreadable("NOT_A_SIDECAR", `this is no sidecar: its \`schema\` is not ${SIDECAR_SCHEMA}`);
  const [found, known] = [majorOf(value.schema_version), majorOf(SIDECAR_VERSION)];
  if (found > known) {
    const message = `the sidecar has the form ${value.schema_version}; this Heimdex reads ${known}.x: use a newer Heimdex`;
    throw new SidecarUnreadable("NEWER", message);
  }
  const upgraded = upgrade(value, known, UPGRADERS) ?? value;
  const issues = shapeIssues(upgraded);
  if (issues[0] !== undefined) {
    const more = issues.length > 1 ? ` (and ${issues.length - 1} more)` : "";
    const message = `the sidecar breaks its schema at ${issues[0].path || "/"}: ${issues[0].message}${more}`;
    throw new SidecarUnreadable("INVALID", message, { issues });
  }
  return upgraded as unknown as Sidecar;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new SidecarUnreadable("NOT_JSON", `the sidecar is no JSON: ${(cause as Error).message}`, { cause });
  }
}
