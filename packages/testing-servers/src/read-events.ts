import { AckPolicy, jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import type { NatsServer } from "./start-nats.ts";

/** What a stream of JetStream holds, parsed, from its beginning: as another program reads it.
 * @param subjects only what matches this pattern. Default: all */
export async function readEvents<E>(
  server: Pick<NatsServer, "url" | "user" | "password">,
  stream: string,
  subjects = ">",
): Promise<E[]> {
  await using connection = await connect({ servers: server.url, user: server.user, pass: server.password });
  const { consumers } = await jetstreamManager(connection);
  const { name, num_pending } = await consumers.add(stream, {
    ack_policy: AckPolicy.Explicit,
    filter_subject: subjects,
  });
  const events: E[] = [];
  if (num_pending > 0) {
    const consumer = await jetstream(connection).consumers.get(stream, name);
    for await (const message of await consumer.fetch({ max_messages: num_pending })) {
      events.push(message.json<E>());
      message.ack();
    }
  }
  await consumers.delete(stream, name);
  return events;
}
