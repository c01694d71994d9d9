import { type FieldViolation, HeimdexError } from "@heimdex/errors";
import { parseSource } from "@heimdex/sources";

const ID = /^[A-Za-z0-9_-]{1,128}$/;
const REQUEST_ID = /^[\x21-\x7e]{1,64}$/;
const LANGUAGE = /^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$/;
// W3C Trace Context, version 00: ids of only zeros are invalid there.
const TRACEPARENT = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** Gathers what is wrong with a request, so that one answer names every bad field. Fields are proto paths: `assets[2]`. */
export class Violations {
  readonly #fields: FieldViolation[] = [];

  add(field: string, description: string): void {
    this.#fields.push({ field, description });
  }

  /** Says so unless `holds`. */
  check(holds: boolean, field: string, description: string): void {
    if (!holds) this.add(field, description);
  }

  /** An id of an asset, a job or a stage's moment as we make them. */
  id(field: string, value: string): void {
    if (value === "") this.add(field, "must be given");
    else this.check(ID.test(value), field, "must be 1 to 128 letters, digits, `_` or `-`");
  }

  optionalId(field: string, value: string): void {
    if (value !== "") this.id(field, value);
  }

  /** 1 to `max`; 0 stands for `byDefault`. Returns the size to use. */
  pageSize(field: string, value: number, max: number, byDefault: number): number {
    this.check(value <= max, field, `must be 1 to ${max}`);
    return value === 0 ? byDefault : value;
  }

  requestId(field: string, value: string): void {
    this.check(
      value === "" || REQUEST_ID.test(value),
      field,
      "must be 1 to 64 printable ASCII characters without spaces",
    );
  }

  traceparent(field: string, value: string): void {
    this.check(
      value === "" || isTraceparent(value),
      field,
      "must be a W3C trace context such as `00-<32 hex>-<16 hex>-01`",
    );
  }

  language(field: string, value: string): void {
    this.check(value.length <= 35 && LANGUAGE.test(value), field, "must be a BCP-47 tag such as `en` or `en-US`");
  }

  /** The URI of a source of any kind. */
  sourceUri(field: string, value: string): void {
    try {
      if (value === "") this.add(field, "must be given");
      else parseSource(value);
    } catch (reason) {
      const { id, message } = HeimdexError.from(reason);
      if (id !== "SOURCE_UNSUPPORTED") throw reason;
      this.add(field, message);
    }
  }

  /** @throws HeimdexError INVALID_ARGUMENT naming every field gathered; returns when there is none */
  throwIfAny(): void {
    if (this.#fields.length === 0) return;
    const message = this.#fields.map(({ field, description }) => `${field} ${description}`).join("; ");
    throw new HeimdexError("INVALID_ARGUMENT", message, { fields: this.#fields });
  }
}

export function isTraceparent(value: string): boolean {
  return TRACEPARENT.test(value);
}
