"""Says what happens in an archive that runs as a cluster: a line for each film that can be found, has failed or is gone. It begins where it stopped the
last time under the same name; under a new name with the oldest event that is kept.

    HEIMDEX_EVENTS_PASSWORD=... .venv/bin/python follow.py NAME
"""

import asyncio
import json
import os
import sys

import nats
from nats.errors import TimeoutError

STREAM = "heimdex_events"
SUBJECTS = "heimdex.event.>"  # heimdex.event.TENANT.asset.indexed for these of one tenant alone


async def follow(name):
    connection = await nats.connect(
        os.environ.get("HEIMDEX_BUS_URL", "nats://127.0.0.1:4222"),
        user="events",
        password=os.environ["HEIMDEX_EVENTS_PASSWORD"],
        inbox_prefix=b"_EVENTS",  # this user may not listen anywhere else
        max_reconnect_attempts=-1,
    )
    events = await connection.jetstream().pull_subscribe(SUBJECTS, durable=name, stream=STREAM)
    while True:
        try:
            messages = await events.fetch(10, timeout=60)
        except TimeoutError:
            continue  # nothing has happened
        for message in messages:
            say(json.loads(message.data))
            await message.ack()  # only now: what was not acknowledged comes again


def say(event):
    data = event["data"]
    match event["type"]:
        case "heimdex.asset.indexed":
            print(f"{data['title']} can be found: asset {data['asset']}, sidecar revision {data['sidecar_revision']}", flush=True)
        case "heimdex.asset.deleted":
            print(f"{data['title']} is gone: asset {data['asset']}", flush=True)
        case "heimdex.job.ended":
            print(f"{data['source_uri']} {data['state']} {data['reason']}".rstrip(), flush=True)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    asyncio.run(follow(sys.argv[1]))
