import { createFileRegistry, type DescMessage, fromBinary, toBinary } from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { Client, credentials, type handleUnaryCall, Server, ServerCredentials } from "@grpc/grpc-js";
import { descriptorSet } from "@heimdex/contracts";

const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptorSet()));
const SERVICES = ["heimdex.stage.v1.WorkService", "heimdex.stage.v1.StageRegistryService"];
/** Fields that no version of the contract has: a number and a text, as protobuf writes them. */
const UNKNOWN = [
  { no: 15_000, wireType: 0, data: Uint8Array.of(42) },
  { no: 15_001, wireType: 2, data: Uint8Array.of(5, ...Buffer.from("later")) },
];

/** Stands between a worker and a server, and makes each look to the other as if it came from a later version of the contract: every message that passes, and
 * every message within it, has fields that nobody knows. Test code only. */
export class FutureProxy implements AsyncDisposable {
  /** Where the worker dials. */
  readonly address: string;
  /** Messages that were sent on with such fields, the ones within them included. */
  messages = 0;
  /** Changes a message further: by its full name, with the names of its fields. */
  readonly changes: Record<string, (message: Record<string, unknown>) => void> = {};
  readonly #server: Server;
  readonly #client: Client;

  private constructor(server: Server, client: Client, address: string) {
    this.#server = server;
    this.#client = client;
    this.address = address;
  }

  /** @param target address of the server */
  static async open(target: string): Promise<FutureProxy> {
    const server = new Server();
    const port = await new Promise<number>((resolve, reject) =>
      server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      ),
    );
    const client = new Client(target, credentials.createInsecure(), { "grpc.enable_http_proxy": 0 });
    const proxy = new FutureProxy(server, client, `127.0.0.1:${port}`);
    for (const name of SERVICES) proxy.#pass(name);
    return proxy;
  }

  #pass(name: string): void {
    const same = (bytes: Buffer) => bytes;
    for (const method of registry.getService(name)?.methods ?? []) {
      const path = `/${name}/${method.name}`;
      const handle: handleUnaryCall<Buffer, Buffer> = (call, answer) => {
        const request = this.#fromTheFuture(method.input, call.request);
        this.#client.makeUnaryRequest(path, same, same, request, call.metadata, (error, response) =>
          error === null ? answer(null, this.#fromTheFuture(method.output, response as Buffer)) : answer(error),
        );
      };
      const definition = {
        path,
        requestStream: false,
        responseStream: false,
        requestSerialize: same,
        requestDeserialize: same,
        responseSerialize: same,
        responseDeserialize: same,
      } as const;
      this.#server.addService({ [method.name]: definition }, { [method.name]: handle });
    }
  }

  #fromTheFuture(type: DescMessage, bytes: Uint8Array): Buffer {
    const message = fromBinary(type, bytes);
    this.#extend(reflect(type, message));
    return Buffer.from(toBinary(type, message));
  }

  #extend(reflected: ReflectMessage): void {
    const { desc, message } = reflected;
    this.messages++;
    this.changes[desc.typeName]?.(message as unknown as Record<string, unknown>);
    message.$unknown = [...(message.$unknown ?? []), ...UNKNOWN];
    for (const field of reflected.fields) {
      if (!reflected.isSet(field)) continue;
      if (field.fieldKind === "message") this.#extend(reflected.get(field) as ReflectMessage);
      if (field.fieldKind === "list" && field.listKind === "message")
        for (const item of reflected.get(field)) this.#extend(item as ReflectMessage);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client.close();
    this.#server.forceShutdown();
  }
}
