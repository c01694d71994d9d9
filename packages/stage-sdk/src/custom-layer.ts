import { layerItems } from "@heimdex/sidecar";
import { z } from "zod";
import type { Port } from "./port.ts";

const item = layerItems.shots.pick({ id: true, start_ms: true, end_ms: true, confidence: true });

type Item<F extends z.ZodRawShape> = z.infer<typeof item> & z.infer<z.ZodObject<F>>;

/** A layer of your own kind. */
export interface CustomLayer<K extends string, F extends z.ZodRawShape> {
  kind: K;
  version: number;
  /** BCP-47 tag of the items' text. */
  language?: string | undefined;
  /** In order of time. Empty: the stage ran and found nothing. */
  items: Item<F>[];
}

/** A layer of your own kind. Every item has `id`, `start_ms`, `end_ms` and perhaps `confidence`, and the fields given.
 * A field whose meta has `"x-heimdex-search"` is searched as `text`, `facet` or `number`; the others are only kept.
 * @param kind reverse-domain name such as `org.example.loudness`
 * @param version grows when readers of the old form would misread the new; from 1 */
export function customLayer<K extends string, F extends z.ZodRawShape>(
  kind: K,
  fields: F,
  version = 1,
): Port<CustomLayer<K, F>, false, false> {
  const json = z.looseObject({
    kind: z.literal(kind),
    version: z.literal(version),
    language: z.string().optional(),
    items: z.array(item.extend(fields)),
  });
  return {
    mediaType: "application/json",
    schema: kind,
    major: version,
    many: false,
    optional: false,
    json: json as unknown as z.ZodType<CustomLayer<K, F>>,
    layerSchema: z.toJSONSchema(json, { target: "draft-2020-12" }),
  };
}
