import { createHash } from "node:crypto";
import {
  createFileRegistry,
  type DescMethod,
  type FileRegistry,
  fromBinary,
  getOption,
  type Message,
  toBinary,
} from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { HttpBody } from "@heimdex/contracts/google/api/httpbody";
import type { Call } from "../call.ts";
import type { AnyMethod, BoundService } from "../services.ts";
import { messageJson } from "./message-json.ts";
import { type PathTemplate, pathTemplate } from "./path-template.ts";
import { requestMessage } from "./request-json.ts";

/** What google.api.http says of a method. */
interface HttpRule {
  readonly pattern: { readonly case: string | undefined; readonly value: unknown };
  readonly body: string;
  readonly additionalBindings: readonly HttpRule[];
}

export interface Answer {
  readonly mediaType: string;
  readonly body: Uint8Array;
  /** Strong tag of the body, for bytes as a whole (google.api.HttpBody). */
  readonly tag: string | undefined;
}

/** One method of the API at one path. */
export interface Route {
  /** `GET`, `POST`, `DELETE`, ... */
  readonly verb: string;
  readonly template: PathTemplate;
  /** `heimdex.v1.JobService.GetJob`. */
  readonly method: string;
  /** The request comes in the body, as `body: "*"` says. */
  readonly hasBody: boolean;
  /** @param body JSON text where the route has a body, else undefined
   * @throws HeimdexError as the method does, or INVALID_ARGUMENT */
  call(
    path: Readonly<Record<string, string>>,
    query: URLSearchParams,
    body: string | undefined,
    call: Call,
  ): Promise<Answer>;
}

/** Reads the contract's descriptors. */
export function readContract(descriptorSet: Uint8Array): FileRegistry {
  return createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptorSet));
}

/** Routes of every method that carries a google.api.http annotation, additional bindings included.
 * @throws Error when an annotation asks for what is not served here, or names no such method: a mistake in the contract, found at start */
export function transcode(contract: FileRegistry, services: readonly BoundService[]): Route[] {
  const extension = contract.getExtension("google.api.http");
  if (extension === undefined) throw new Error("the descriptor set lacks google/api/annotations.proto");
  return services.flatMap((service) => {
    const descriptor = contract.getService(service.fullName);
    if (descriptor === undefined) throw new Error(`the descriptor set lacks ${service.fullName}`);
    return descriptor.methods.flatMap((method) => {
      if (method.proto.options === undefined) return [];
      const rule = getOption(method, extension) as unknown as HttpRule;
      const rules = rule.pattern.case === undefined ? [] : [rule, ...rule.additionalBindings];
      return rules.map((each) => routeOf(contract, service, method, each));
    });
  });
}

function routeOf(contract: FileRegistry, service: BoundService, method: DescMethod, rule: HttpRule): Route {
  const { case: verb, value: path } = rule.pattern;
  const name = `${service.fullName}.${method.name}`;
  const generated = service.methods.find((known) => known.name === method.name);
  if (generated === undefined || method.methodKind !== "unary") throw new Error(`${name} cannot be served as JSON`);
  if (verb === undefined || verb === "custom" || typeof path !== "string" || (rule.body !== "" && rule.body !== "*"))
    throw new Error(`${name}: this kind of google.api.http annotation is not served`);
  return {
    verb: verb.toUpperCase(),
    template: pathTemplate(path),
    method: name,
    hasBody: rule.body === "*",
    async call(variables, query, body, call) {
      const request = toBinary(method.input, requestMessage(method.input, variables, query, body) as Message);
      const reply = await service.unary(method.name, generated.requestType.decode(request), call);
      return answerOf(contract, method, generated, reply);
    },
  };
}

function answerOf(contract: FileRegistry, method: DescMethod, generated: AnyMethod, reply: unknown): Answer {
  if (method.output.typeName === "google.api.HttpBody") {
    const { contentType, data } = HttpBody.fromPartial(reply as HttpBody);
    return { mediaType: contentType, body: data, tag: createHash("sha256").update(data).digest("hex") };
  }
  const json = messageJson(method.output, generated.responseType.encode(reply).finish(), contract);
  return { mediaType: "application/json", body: Buffer.from(JSON.stringify(json)), tag: undefined };
}
