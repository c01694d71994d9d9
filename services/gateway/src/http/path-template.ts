/** A compiled path template of google.api.http. */
export interface PathTemplate {
  readonly text: string;
  /** The variables of a path that matches, percent-decoded; undefined when it does not match.
   * @throws URIError when the path is not well-formed where a variable lies */
  match(path: string): Readonly<Record<string, string>> | undefined;
}

/** Compiles a template by the grammar in google/api/http.proto:
 * `Template = "/" Segments [":" verb]`, `Segment = "*" | "**" | literal | "{" field.path ["=" Segments] "}"`.
 * A colon in the path's last segment begins a verb, so a value with a colon has to come as `%3A`.
 * @throws Error when the template is malformed: a mistake in the contract, found at start */
export function pathTemplate(text: string): PathTemplate {
  const names: string[] = [];
  const whole = /^\/(.*?)(?::([A-Za-z0-9_.-]+))?$/.exec(text);
  if (whole === null) throw new Error(`path template ${text}: must begin with /`);
  const [, segments = "", verb] = whole;
  const pieces = splitSegments(segments);
  if (pieces.join("/") !== segments) throw new Error(`path template ${text}: cannot be read`);
  const source = pieces
    .map((segment) => {
      const variable = /^\{([a-z0-9_.]+)(?:=(.+))?\}$/.exec(segment);
      if (variable === null) return simpleSegment(segment, text);
      const [, name = "", pattern = "*"] = variable;
      names.push(name);
      return `(${pattern
        .split("/")
        .map((part) => simpleSegment(part, text))
        .join("/")})`;
    })
    .join("/");
  const regexp = new RegExp(`^/${source}${verb === undefined ? "" : `:${escapeLiteral(verb)}`}$`);
  return {
    text,
    match(path) {
      const found = regexp.exec(path);
      if (found === null) return undefined;
      return Object.fromEntries(names.map((name, i) => [name, decodeURIComponent(found[i + 1] ?? "")]));
    },
  };
}

/** Splits at slashes outside of braces. */
function splitSegments(text: string): string[] {
  return text.match(/(?:\{[^}]*\}|[^/{])+/g) ?? [];
}

function simpleSegment(segment: string, template: string): string {
  if (segment === "*") return "[^/:]+";
  if (segment === "**") return "[^:]+";
  if (/[{}*]/.test(segment)) throw new Error(`path template ${template}: cannot read ${segment}`);
  return escapeLiteral(segment);
}

function escapeLiteral(literal: string): string {
  return literal.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
