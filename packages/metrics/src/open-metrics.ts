import type { Metrics } from "@heimdex/telemetry";

/** Keeps a process's figures. OpenTelemetry's SDK is loaded only where they are kept.
 * @param service as in `service.name` of its traces */
export async function openMetrics(service: string): Promise<Metrics> {
  const { prometheusMetrics } = await import("./prometheus-metrics.ts");
  return prometheusMetrics(service);
}
