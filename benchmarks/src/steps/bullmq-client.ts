import { createRequire } from "node:module";
import { join } from "node:path";

/** What is used of BullMQ (https://docs.bullmq.io): it is no dependency, its types are not at hand. */
export interface Bullmq {
  readonly Worker: new (
    queue: string,
    process: (job: {
      readonly data: { of: string };
      getChildrenValues(): Promise<Record<string, { of: string }>>;
    }) => Promise<{
      of: string;
    }>,
    options: { readonly connection: Connection; readonly concurrency: number },
  ) => { close(): Promise<void>; waitUntilReady(): Promise<unknown> };
  readonly FlowProducer: new (options: {
    readonly connection: Connection;
  }) => {
    add(flow: Flow): Promise<{ readonly job: { readonly id: string } }>;
    close(): Promise<void>;
  };
  readonly QueueEvents: new (
    queue: string,
    options: { readonly connection: Connection },
  ) => {
    on(event: "completed" | "failed", listener: (event: { readonly jobId: string }) => void): void;
    waitUntilReady(): Promise<unknown>;
    close(): Promise<void>;
  };
}

/** A Redis that listens on a Unix socket. `maxRetriesPerRequest` as BullMQ demands of workers. */
export interface Connection {
  readonly path: string;
  readonly maxRetriesPerRequest: null;
}

export interface Flow {
  readonly name: string;
  readonly queueName: string;
  readonly data: { readonly of: string };
  readonly children: readonly Flow[];
}

export const connectionTo = (socket: string): Connection => ({ path: socket, maxRetriesPerRequest: null });

/** @param folder where `npm install` put it */
export function loadBullmq(folder: string): Bullmq {
  return createRequire(join(folder, "package.json"))("bullmq") as Bullmq;
}

/** The queue of a step, counted from 0. */
export const queueOf = (step: number) => `bench-step-${step + 1}`;
