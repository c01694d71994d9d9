import { request as httpRequest } from "node:http";
import { create, type DescMethod, type DescService, fromBinary, toBinary, toJsonString } from "@bufbuild/protobuf";
import { Client, credentials, Metadata, type ServiceError, type StatusObject } from "@grpc/grpc-js";

/** Values of request fields, by name as the contract writes them. */
export type Values = Readonly<Record<string, string>>;

/** All that a caller gets to see of an answer, as text. */
export type Seen = string;

/** Calls a method of the contract, whatever it is; every field that `values` knows is filled. */
export function grpcCall(client: Client, method: DescMethod, values: Values, key: string | undefined): Promise<Seen> {
  const metadata = new Metadata();
  if (key !== undefined) metadata.set("authorization", `Bearer ${key}`);
  const path = `/${method.parent.typeName}/${method.name}`;
  const request = Buffer.from(toBinary(method.input, fill(method.input, values)));
  const same = (bytes: Buffer) => bytes;
  const options = { deadline: Date.now() + 30_000 };
  return new Promise((resolve) => {
    const messages: string[] = [];
    const end = ({ code, details, metadata: trailer }: StatusObject | ServiceError) => {
      const status = trailer?.get("grpc-status-details-bin").map((part) => Buffer.from(part).toString("latin1"));
      resolve(JSON.stringify({ code, details, status, messages }));
    };
    const keep = (bytes: Buffer) => messages.push(toJsonString(method.output, fromBinary(method.output, bytes)));
    if (method.methodKind === "server_streaming") {
      const stream = client.makeServerStreamRequest(path, same, same, request, metadata, options);
      stream.on("data", keep);
      stream.on("error", () => undefined); // it comes as a status, too
      stream.on("status", end);
    } else {
      const call = client.makeUnaryRequest(path, same, same, request, metadata, options, (_error, reply) => {
        if (reply !== undefined) keep(reply);
      });
      call.on("status", end);
    }
  });
}

/** Sends one message, with nothing read into it or out of it. */
export function rawCall(
  client: Client,
  path: string,
  request: Buffer,
  key: string | undefined,
): Promise<{ readonly code: number; readonly reply: Buffer }> {
  const metadata = new Metadata();
  if (key !== undefined) metadata.set("authorization", `Bearer ${key}`);
  const same = (bytes: Buffer) => bytes;
  return new Promise((resolve) => {
    let reply: Buffer = Buffer.alloc(0);
    const stream = client.makeBidiStreamRequest(path, same, same, metadata, { deadline: Date.now() + 30_000 });
    stream.on("data", (bytes: Buffer) => {
      reply = bytes;
    });
    stream.on("error", () => undefined); // it comes as a status, too
    stream.on("status", ({ code }: StatusObject) => resolve({ code, reply }));
    stream.end(request);
  });
}

function fill(message: DescMethod["input"], values: Values) {
  const filled = message.fields.flatMap(({ fieldKind, name, localName }): [string, unknown][] => {
    if (fieldKind === "scalar" && values[name] !== undefined) return [[localName, values[name]]];
    const one = values[name.replace(/s$/, "")];
    return fieldKind === "list" && one !== undefined ? [[localName, [one]]] : [];
  });
  return create(message, Object.fromEntries(filled));
}

/** Whether a request names something that belongs to a tenant. */
export function namesAnything(method: DescMethod, values: Values): boolean {
  return method.input.fields.some(
    ({ name }) => values[name] !== undefined || values[name.replace(/s$/, "")] !== undefined,
  );
}

export function grpcClient(address: string): Client {
  return new Client(address, credentials.createInsecure());
}

export interface HttpCall {
  readonly verb: string;
  /** With `{variables}`. */
  readonly template: string;
  readonly query?: string;
}

/** Calls a route; status, headers but for the time, and body are what is seen. */
export function httpCall(
  address: string,
  { verb, template, query = "" }: HttpCall,
  values: Values,
  key: string | undefined,
): Promise<Seen> {
  const fillIn = (text: string) => text.replaceAll(/\{(\w+)[^}]*\}/g, (_, name) => values[name] ?? "x");
  const path = fillIn(template) + (query === "" ? "" : `?${fillIn(query)}`);
  const { hostname, port } = new URL(`http://${address}`);
  const body = verb === "POST" ? "{}" : "";
  const headers = {
    ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
    ...(body === "" ? {} : { "content-type": "application/json", "content-length": String(body.length) }),
  };
  return new Promise((resolve, reject) => {
    const request = httpRequest({ hostname, port, path, method: verb, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => {
        const { date: _date, ...shown } = response.headers;
        resolve(JSON.stringify({ status: response.statusCode, shown, body: Buffer.concat(chunks).toString("latin1") }));
      });
      response.on("error", reject);
    });
    request.on("error", reject);
    request.end(body);
  });
}

/** What was seen, with what was asked for and what differs from call to call taken out of it. */
export function normalized(seen: Seen, values: Values): Seen {
  const named = Object.entries(values).filter(([, value]) => value !== "");
  return named
    .reduce((text, [name, value]) => text.replaceAll(value, `<${name}>`), seen)
    .replaceAll(/(tookMs|took_ms)(\\*)":[\d.]+/g, '$1$2":0');
}

export function methodsOf(services: readonly DescService[]): DescMethod[] {
  return services.flatMap(({ methods }) => methods);
}
