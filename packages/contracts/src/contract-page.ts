import { fromBinary, isFieldSet } from "@bufbuild/protobuf";
import {
  type DescriptorProto,
  type EnumDescriptorProto,
  type FieldDescriptorProto,
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  FieldDescriptorProtoSchema,
  type FileDescriptorProto,
  FileDescriptorSetSchema,
  type ServiceDescriptorProto,
} from "@bufbuild/protobuf/wkt";

/** What stands below this line of the page is generated. */
export const MARKER =
  "<!-- Below this line the page is generated from the comments in proto/heimdex/stage/v1: do not edit. -->";

/** Files in the order in which a reader needs them. */
const FILES = [
  "heimdex/stage/v1/work_service.proto",
  "heimdex/stage/v1/stage_registry_service.proto",
  "heimdex/stage/v1/stage.proto",
];
/** Numbers of FileDescriptorProto.message_type, .service, and so on: a comment is found by the path of what it stands above. */
const FILE_MESSAGES = 4;
const FILE_SERVICES = 6;
const MESSAGE_FIELDS = 2;
const MESSAGE_ENUMS = 4;
const ENUM_VALUES = 2;
const SERVICE_METHODS = 2;

/** The page with everything below its marker made new. Throws where there is no marker.
 * @param descriptors serialized google.protobuf.FileDescriptorSet, with source information */
export function renderContractPage(page: string, descriptors: Uint8Array): string {
  const at = page.indexOf(MARKER);
  if (at < 0) throw new Error(`the page has no line ${MARKER}`);
  return `${page.slice(0, at)}${MARKER}\n\n${reference(descriptors)}`;
}

/** Services, methods, messages and fields with the comments of their files, as Markdown. */
function reference(descriptors: Uint8Array): string {
  const { file } = fromBinary(FileDescriptorSetSchema, descriptors);
  const files = FILES.map((name) => {
    const found = file.find((candidate) => candidate.name === name);
    if (found === undefined) throw new Error(`the descriptors hold no ${name}`);
    return new Reader(found);
  });
  const parts = [
    "## Services",
    ...files.flatMap((reader) => reader.services()),
    "## Messages",
    ...files.flatMap((reader) => reader.messages()),
  ];
  return `${parts.join("\n\n")}\n`;
}

class Reader {
  readonly #file: FileDescriptorProto;
  readonly #comments: ReadonlyMap<string, string>;

  constructor(file: FileDescriptorProto) {
    this.#file = file;
    this.#comments = new Map(
      (file.sourceCodeInfo?.location ?? []).map(({ path, leadingComments }) => [path.join("."), leadingComments]),
    );
  }

  services(): string[] {
    return this.#file.service.flatMap((service, at) => this.#service(service, [FILE_SERVICES, at]));
  }

  messages(): string[] {
    return this.#file.messageType.flatMap((message, at) => this.#message(message, [FILE_MESSAGES, at]));
  }

  #service({ name, method }: ServiceDescriptorProto, path: readonly number[]): string[] {
    const rows = method.map(({ name: call, inputType, outputType }, at) => {
      const types = `${link(inputType)} → ${link(outputType)}`;
      return `| \`${call}\` | ${types} | ${this.#said([...path, SERVICE_METHODS, at])} |`;
    });
    return [`### ${name}`, this.#said(path), table(["method", "takes → answers", "what it does"], rows)];
  }

  #message(message: DescriptorProto, path: readonly number[], within = ""): string[] {
    const name = within === "" ? message.name : `${within}.${message.name}`;
    const rows = message.field.map((field, at) => {
      // Unset it reads 0, as the first oneof does.
      const isChoice = isFieldSet(field, FieldDescriptorProtoSchema.field.oneofIndex) && !field.proto3Optional;
      const which = isChoice ? ` (one of \`${message.oneofDecl[field.oneofIndex]?.name}\`)` : "";
      const type = `${typeOf(field, message)}${which}`;
      return `| ${field.number} | \`${field.name}\` | ${type} | ${this.#said([...path, MESSAGE_FIELDS, at])} |`;
    });
    return [
      `### ${name}`,
      this.#said(path),
      ...(rows.length === 0 ? ["No fields."] : [table(["no.", "field", "type", "what it means"], rows)]),
      ...message.enumType.flatMap((type, at) => this.#enum(type, [...path, MESSAGE_ENUMS, at], name)),
    ];
  }

  #enum({ name, value }: EnumDescriptorProto, path: readonly number[], within: string): string[] {
    const rows = value.map(
      (each, at) => `| ${each.number} | \`${each.name}\` | ${this.#said([...path, ENUM_VALUES, at])} |`,
    );
    return [`#### ${within}.${name}`, this.#said(path), table(["no.", "value", "what it means"], rows)];
  }

  /** The comment above what is at the path, in one line. */
  #said(path: readonly number[]): string {
    const comment = this.#comments.get(path.join(".")) ?? "";
    return comment.replace(/\s+/g, " ").trim().replaceAll("|", "\\|");
  }
}

function table(head: readonly string[], rows: readonly string[]): string {
  return [`| ${head.join(" | ")} |`, `| ${head.map(() => "---").join(" | ")} |`, ...rows].join("\n");
}

function typeOf(field: FieldDescriptorProto, message: DescriptorProto): string {
  const entry = message.nestedType.find((type) => field.typeName.endsWith(`.${message.name}.${type.name}`));
  if (entry?.options?.mapEntry === true) return `map of ${entry.field.map((part) => scalar(part)).join(" to ")}`;
  const many = field.label === FieldDescriptorProto_Label.REPEATED ? "list of " : "";
  return `${many}${field.typeName === "" ? scalar(field) : link(field.typeName)}`;
}

function scalar({ type }: FieldDescriptorProto): string {
  return `\`${FieldDescriptorProto_Type[type].toLowerCase()}\``;
}

/** A message or enum of the contract, linked to its heading; one of protobuf's own by its name. */
function link(typeName: string): string {
  const own = /^\.heimdex\.stage\.v1\.(.+)$/.exec(typeName)?.[1];
  return own === undefined ? `\`${typeName.slice(1)}\`` : `[${own}](#${own.toLowerCase().replaceAll(".", "")})`;
}
