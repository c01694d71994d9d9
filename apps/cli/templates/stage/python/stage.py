"""org.example.length: says in words how long a film is. Change it to what you want to find."""

import hashlib
import json

from worker import Worker
from heimdex.stage.v1 import stage_pb2

KIND = "org.example.length"
item = {
    "id": {"type": "string"},
    "start_ms": {"type": "integer"},
    "end_ms": {"type": "integer"},
    "text": {"type": "string", "description": "What a search finds it by.", "x-heimdex-search": "text"},
    "seconds": {"type": "number", "description": "Length in seconds.", "x-heimdex-search": "number"},
}
layer_schema = {
    "type": "object",
    "required": ["kind", "version", "items"],
    "properties": {
        "kind": {"const": KIND},
        "version": {"const": 1},
        "items": {"type": "array", "items": {"type": "object", "required": list(item), "properties": item}},
    },
}
manifest = stage_pb2.Manifest(
    name=KIND,
    version="1.0.0",
    behaviour=1,
    description="Says in words how long a film is",
    inputs=[stage_pb2.Port(name="media", media_type="application/json", schema="heimdex.media", major=1)],
    outputs=[
        stage_pb2.Port(name="length", media_type="application/json", schema=KIND, major=1, layer_schema=json.dumps(layer_schema))
    ],
    deterministic=True,
)


def in_words(duration_ms):
    """How long a film is, in words. Pure."""
    seconds = round(duration_ms / 1000)
    amount = f"{seconds} seconds" if seconds < 120 else f"{round(seconds / 60)} minutes"
    return f"{'short' if seconds < 1200 else 'long'} film of {amount}"


def run(attempt, config):
    duration_ms = json.loads(attempt.read("media"))["duration_ms"]
    found = {
        # Stable under re-runs: the same asset gives the same id.
        "id": f"length_{hashlib.sha256(f'{attempt.lease.asset} {KIND}'.encode()).hexdigest()[:16]}",
        "start_ms": 0,
        "end_ms": duration_ms,
        "text": in_words(duration_ms),
        "seconds": duration_ms / 1000,
    }
    return {"length": json.dumps({"kind": KIND, "version": 1, "language": "en", "items": [found]}).encode()}


if __name__ == "__main__":
    Worker(manifest, run).serve()
