import { HeimdexError } from "@heimdex/errors";

/** Where a bus's subjects lie within NATS: messages, requests and events apart, so that one never meets the other, and below a prefix that other users
 * of the server do not have. */
export class Subjects {
  readonly #prefix: string;

  /** @throws HeimdexError CONFIG_INVALID unless the prefix is a token of letters, digits, `-` and `_` */
  constructor(prefix: string) {
    if (!/^[\w-]{1,64}$/.test(prefix))
      throw new HeimdexError("CONFIG_INVALID", `${JSON.stringify(prefix)} is no prefix of the bus's subjects`, {
        help: "Take letters, digits, - and _, 64 at most.",
      });
    this.#prefix = prefix;
  }

  message(subject: string): string {
    return `${this.#prefix}.message.${subject}`;
  }

  /** The subject of a message on the wire. */
  ofMessage(wire: string): string {
    return after(wire, 2);
  }

  /** The time of a request is part of its subject: a header would not fit beside a payload that takes all that the server allows. */
  request(subject: string, timeoutMs: number): string {
    return `${this.#prefix}.request.${Math.ceil(timeoutMs)}.${subject}`;
  }

  requests(pattern: string): string {
    return `${this.#prefix}.request.*.${pattern}`;
  }

  /** By tenant and type, so that a program may follow some of them: `heimdex.event.default.job.ended`. */
  event(tenant: string, type: string): string {
    return `${this.#prefix}.event.${tenant}.${type.replace(/^heimdex\./, "")}`;
  }

  get allEvents(): string {
    return `${this.#prefix}.event.>`;
  }

  /** The stream that keeps them. */
  get eventStream(): string {
    return `${this.#prefix}_events`;
  }

  ofRequest(wire: string): { readonly subject: string; readonly timeoutMs: number } {
    return { subject: after(wire, 3), timeoutMs: Number(wire.split(".", 3)[2]) };
  }
}

function after(wire: string, tokens: number): string {
  return wire.split(".").slice(tokens).join(".");
}
