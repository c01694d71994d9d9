/** In Jaeger's place: takes OTLP/HTTP at port 4318, and tells at 16686 which span of which service belongs to which trace. */
import { createServer } from "node:http";

interface Attribute {
  readonly key: string;
  readonly value: { readonly stringValue?: string };
}

/** A span as the receiver tells of it. */
export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly service: string;
}

const spans: ReceivedSpan[] = [];

createServer(async (request, response) => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  for (const { resource, scopeSpans } of JSON.parse(Buffer.concat(chunks).toString()).resourceSpans) {
    const named = (resource.attributes as Attribute[]).find(({ key }) => key === "service.name");
    const service = named?.value.stringValue ?? "";
    for (const scope of scopeSpans)
      for (const { traceId, spanId, parentSpanId, name } of scope.spans)
        spans.push({ traceId, spanId, parentSpanId, name, service });
  }
  response.setHeader("content-type", "application/json").end("{}");
}).listen(4318);

createServer((_request, response) => {
  response.setHeader("content-type", "application/json").end(JSON.stringify(spans));
}).listen(16686);
