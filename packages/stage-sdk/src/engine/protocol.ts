/** What goes over the channel between a service and an engine process. Structured clone carries typed arrays. */
export type ToEngine =
  | { readonly kind: "start"; readonly id: number; readonly payload: unknown }
  | { readonly kind: "call"; readonly id: number; readonly payload: unknown };

export type FromEngine =
  | { readonly id: number; readonly ok: true; readonly value: unknown; readonly cpuMs: number }
  | {
      readonly id: number;
      readonly ok: false;
      readonly code: string;
      readonly message: string;
      readonly cpuMs: number;
    };
