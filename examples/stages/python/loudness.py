"""org.example.loudness: how loud it is, and where nothing is heard, by EBU R128 (ffmpeg's ebur128 filter).

One item for each second, with its loudest momentary loudness (a window of 400 ms, in LUFS), and one for each silence.
Search for "silence", and for what is loud by the number.
"""

import hashlib
import json
import re
import shutil
import subprocess
import tempfile

from worker import StageFailure, Worker
from heimdex.stage.v1 import stage_pb2

KIND = "org.example.loudness"
FLOOR_LUFS = -120.7  # the least that the filter measures
FRAME = re.compile(r"pts_time:([\d.]+)\nlavfi\.r128\.M=(\S+)")
number = {"type": "number", "x-heimdex-search": "number"}
text = {"type": "string", "x-heimdex-search": "text"}
item = {"id": {"type": "string"}, "start_ms": {"type": "integer"}, "end_ms": {"type": "integer"}, "lufs": number, "text": text}
layer_schema = {
    "type": "object",
    "required": ["kind", "version", "items"],
    "properties": {
        "kind": {"const": KIND},
        "version": {"const": 1},
        "items": {
            "type": "array",
            "items": {"type": "object", "required": ["id", "start_ms", "end_ms"], "properties": item},
        },
    },
}
settings = {
    "silence_lufs": {"type": "number", "default": -60, "description": "Quieter than this is silence, LUFS."},
    "silence_ms": {"type": "integer", "minimum": 400, "default": 2000, "description": "Shorter pauses are none, ms."},
}
manifest = stage_pb2.Manifest(
    name=KIND,
    version="1.0.0",
    behaviour=1,
    description="How loud it is, second by second, and where nothing is heard",
    inputs=[stage_pb2.Port(name="source", media_type="application/octet-stream", schema="heimdex.source", major=1)],
    outputs=[
        stage_pb2.Port(name="loudness", media_type="application/json", schema=KIND, major=1, layer_schema=json.dumps(layer_schema))
    ],
    conditions=["has_audio"],
    config_schema=json.dumps({"type": "object", "properties": settings}),
    deterministic=True,
)


def item_id(asset, prefix, start_ms):
    """Stable under re-runs: the same asset and instant give the same id."""
    return f"{prefix}_{hashlib.sha256(f'{asset} {KIND} {start_ms}'.encode()).hexdigest()[:16]}"


def loudness_items(frames, asset, silence_lufs, silence_ms):
    """Items from (ms, LUFS) pairs in order of time, ten a second. Pure."""
    seconds, silences, since, last = {}, [], None, 0
    for at, lufs in frames:
        second = at // 1000 * 1000
        seconds[second] = max(lufs, seconds.get(second, FLOOR_LUFS))
        if lufs < silence_lufs:
            since = at if since is None else since
        elif since is not None:
            silences.append((since, at))
            since = None
        last = at + 100
    if since is not None:
        silences.append((since, last))
    items = [
        {"id": item_id(asset, "loud", at), "start_ms": at, "end_ms": min(at + 1000, last), "lufs": round(lufs, 1)}
        for at, lufs in seconds.items()
        if lufs >= silence_lufs and at < last
    ]
    items += [
        {"id": item_id(asset, "silence", start), "start_ms": start, "end_ms": end, "text": "silence"}
        for start, end in silences
        if end - start >= silence_ms
    ]
    return sorted(items, key=lambda item: (item["start_ms"], item["end_ms"]))


def run(attempt, config):
    measure = "ebur128=metadata=1,ametadata=print:key=lavfi.r128.M:file=-"
    # The protocols keep a hostile playlist from reaching elsewhere.
    command = ["ffmpeg", "-v", "error", "-nostdin", "-protocol_whitelist", "file,http,https,tcp,tls,pipe"]
    command += ["-i", attempt.input("source"), "-vn", "-af", measure, "-f", "null", "-"]
    frames = []
    with tempfile.TemporaryFile("w+") as said:
        with attempt.popen(command, stdout=subprocess.PIPE, stderr=said, text=True) as ffmpeg:
            try:
                for line in ffmpeg.stdout:
                    found = FRAME.search(line + next(ffmpeg.stdout, ""))
                    if found:
                        lufs = float(found[2])  # nan and -inf: digital silence
                        frames.append((round(float(found[1]) * 1000), max(lufs, FLOOR_LUFS) if lufs == lufs else FLOOR_LUFS))
                        attempt.tell(frames[-1][0], 0, "ms")
            finally:
                ffmpeg.kill()
        said.seek(0)
        if not frames:
            raise StageFailure("INPUT_REJECTED", "NOT_DECODABLE", f"no sound could be decoded: {said.read()[-500:]}", "Convert the file.")
    items = loudness_items(frames, attempt.lease.asset, config["silence_lufs"], config["silence_ms"])
    return {"loudness": json.dumps({"kind": KIND, "version": 1, "items": items}).encode()}


def probe():
    return ("", "") if shutil.which("ffmpeg") else ("NO_FFMPEG", "Install ffmpeg.")


if __name__ == "__main__":
    Worker(manifest, run, probe).serve()
