import type { Metrics } from "@heimdex/telemetry";
import { PrometheusExporter, PrometheusSerializer } from "@opentelemetry/exporter-prometheus";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { AggregationType, MeterProvider } from "@opentelemetry/sdk-metrics";

/** Upper bounds of histograms, s: from a read of the catalog to a film that is looked at for hours. */
const BOUNDS_S = [0.005, 0.02, 0.1, 0.5, 2, 10, 60, 600, 3_600];

export function prometheusMetrics(service: string): Metrics {
  // Our own servers answer: they know who may ask.
  const reader = new PrometheusExporter({ preventServerStart: true });
  const aggregation = { type: AggregationType.EXPLICIT_BUCKET_HISTOGRAM, options: { boundaries: BOUNDS_S } } as const;
  const provider = new MeterProvider({
    resource: resourceFromAttributes({ "service.name": service }),
    readers: [reader],
    views: [{ instrumentName: "*_duration_seconds", aggregation }],
  });
  const serializer = new PrometheusSerializer();
  return {
    meter: provider.getMeter("heimdex"),
    async text(onError) {
      const { resourceMetrics, errors } = await reader.collect();
      errors.forEach(onError);
      return serializer.serialize(resourceMetrics);
    },
  };
}
