import { inspect } from "node:util";
import { z } from "zod";

const HIDDEN = "***";

/** A text that must not be shown: logs, errors, JSON and string templates have `***` in its place. */
export class Secret {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  /** The text itself, for the one place that uses it. */
  reveal(): string {
    return this.#text;
  }

  toString(): string {
    return HIDDEN;
  }

  toJSON(): string {
    return HIDDEN;
  }

  [inspect.custom](): string {
    return HIDDEN;
  }
}

/** What a setting's meta says of a secret, for fields that need more said: `.meta({ ...SECRET, env: "HEIMDEX_ADMIN_KEY" })`. */
export const SECRET = { secret: true } as const;

/** A setting that is read as a `Secret`, from its variable or from the file that `VARIABLE_FILE` names.
 * @param text what it must be; what it is never shows in errors */
export function secret(text: z.ZodType<string, string> = z.string().min(1)): z.ZodType<Secret, string> {
  return text.transform((value) => new Secret(value)).meta(SECRET);
}

/** One key, or several with white space between while they are being changed: the first is used, all are good.
 * @param text what each must be */
export function secretKeys(text: z.ZodType<string, string>): z.ZodType<readonly [Secret, ...Secret[]], string> {
  return z
    .string()
    .transform((value) => value.split(/\s+/).filter((key) => key !== ""))
    .pipe(z.tuple([text], text))
    .transform(([first, ...others]): readonly [Secret, ...Secret[]] => [
      new Secret(first),
      ...others.map((key) => new Secret(key)),
    ])
    .meta(SECRET);
}
