import { StageRegistryServiceDefinition } from "@heimdex/contracts/stage/v1/stage_registry_service";
import { WorkServiceDefinition } from "@heimdex/contracts/stage/v1/work_service";
import { errorClientMiddleware, HeimdexError } from "@heimdex/errors";
import type { Log } from "@heimdex/telemetry";
import {
  type CallOptions,
  ChannelCredentials,
  type Client,
  createChannel,
  createClientFactory,
  Metadata,
} from "nice-grpc";

export type WorkClient = Client<typeof WorkServiceDefinition>;
export type RegistryClient = Client<typeof StageRegistryServiceDefinition>;
/** What a call is made on, and the options it must be given. */
export type Call<R> = (clients: { work: WorkClient; registry: RegistryClient }, options: CallOptions) => Promise<R>;

/** What a failed call means.
 * - away: the server cannot be reached or has a fault just now; the same call may be made again.
 * - session: it does not know the session (any more).
 * - refused: the call itself is at fault; repeating it is no use. */
export type CallFailure = "away" | "session" | "refused";

export function callFailure(error: HeimdexError): CallFailure {
  if (error.id === "SESSION_UNKNOWN" || error.id === "UNAUTHENTICATED") return "session";
  const passing = [
    "UNAVAILABLE",
    "DEADLINE_EXCEEDED",
    "CANCELLED",
    "INTERNAL",
    "UNKNOWN",
    "ABORTED",
    "RESOURCE_EXHAUSTED",
  ];
  return passing.includes(error.code) ? "away" : "refused";
}

/** What a worker shows to a server that asks for certificates, in PEM. */
export interface ClientCertificate {
  readonly cert: string;
  readonly key: string;
}

/** The way to one server: a channel that reconnects by itself, a deadline for every call, and one log line when the server goes and when it is back. */
export class Connection implements Disposable {
  readonly #address: string;
  readonly #log: Log;
  readonly #certificate: ClientCertificate | undefined;
  #open: ReturnType<typeof connect>;
  #failures = 0;

  /** @param address `host:port`, `https://host:port` or a gRPC target such as `dns:///host:port` */
  constructor(address: string, log: Log, certificate?: ClientCertificate) {
    this.#address = address;
    this.#log = log;
    this.#certificate = certificate;
    this.#open = connect(address, certificate);
  }

  /** Makes one call. Rejects with a HeimdexError, DEADLINE_EXCEEDED when no answer came within `deadlineMs`, or with the signal's reason.
   * @param token of the session; for OpenSession the stage key, if any */
  async call<R>(deadlineMs: number, token: string | undefined, signal: AbortSignal, call: Call<R>): Promise<R> {
    signal.throwIfAborted();
    const open = this.#open;
    const abort = new AbortController();
    const forward = () => abort.abort();
    signal.addEventListener("abort", forward, { once: true });
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      abort.abort();
    }, deadlineMs);
    try {
      const metadata = token === undefined ? Metadata() : Metadata({ authorization: `Bearer ${token}` });
      const answer = await call(open.clients, { signal: abort.signal, metadata });
      this.#reached();
      return answer;
    } catch (reason) {
      signal.throwIfAborted();
      const error = late ? this.#late(open, deadlineMs) : HeimdexError.from(reason);
      if (callFailure(error) === "away") this.#away(error);
      else this.#reached();
      throw error;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", forward);
    }
  }

  [Symbol.dispose](): void {
    this.#open.channel.close();
  }

  /** A server that does not answer may sit behind a connection that is dead without saying so: the next call gets a new one. */
  #late(open: ReturnType<typeof connect>, deadlineMs: number): HeimdexError {
    if (this.#open === open) {
      this.#open = connect(this.#address, this.#certificate);
      open.channel.close();
    }
    return new HeimdexError("DEADLINE_EXCEEDED", `${this.#address} did not answer within ${deadlineMs} ms`);
  }

  /** The second failure in a row is logged: one alone is a server that ends old connections, as it should. */
  #away(error: HeimdexError): void {
    this.#failures += 1;
    if (this.#failures === 2)
      this.#log.warn({ orchestrator: this.#address, error: error.message }, "orchestrator away");
  }

  #reached(): void {
    if (this.#failures >= 2) this.#log.info({ orchestrator: this.#address }, "orchestrator back");
    this.#failures = 0;
  }
}

function connect(address: string, certificate: ClientCertificate | undefined) {
  const loopback = /^(?:https?:\/\/)?(?:127\.|localhost|\[::1\])/.test(address);
  const { cert, key } = certificate ?? {};
  const credentials =
    cert === undefined || key === undefined
      ? undefined
      : ChannelCredentials.createSsl(null, Buffer.from(key), Buffer.from(cert));
  const channel = createChannel(address, credentials, {
    "grpc.service_config": JSON.stringify({ loadBalancingConfig: [{ round_robin: {} }] }),
    "grpc.initial_reconnect_backoff_ms": 100,
    "grpc.max_reconnect_backoff_ms": 2_000,
    // A proxy from the environment is for the world outside: it does not reach this machine's own ports.
    "grpc.enable_http_proxy": loopback ? 0 : 1,
  });
  const factory = createClientFactory().use(errorClientMiddleware);
  const clients = {
    work: factory.create(WorkServiceDefinition, channel),
    registry: factory.create(StageRegistryServiceDefinition, channel),
  };
  return { channel, clients };
}
