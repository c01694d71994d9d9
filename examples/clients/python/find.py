"""Indexes a file, watches the job to its end, asks a question, and reads the sidecar: the public API, heimdex.v1, from Python.

    .venv/bin/python find.py FILE QUESTION
"""

import json
import os
import sys
import time
from pathlib import Path

import grpc

sys.path.insert(0, str(Path(__file__).parent / "gen"))
from heimdex.v1 import job_pb2 as jobs, job_pb2_grpc as jobs_grpc  # noqa: E402
from heimdex.v1 import search_pb2 as search, search_pb2_grpc as search_grpc  # noqa: E402
from heimdex.v1 import sidecar_pb2 as sidecars, sidecar_pb2_grpc as sidecars_grpc  # noqa: E402


KEY_FILE = os.environ.get("HEIMDEX_KEY_FILE")
KEY = (("authorization", f"Bearer {Path(KEY_FILE).read_text().strip()}"),) if KEY_FILE else ()


def connect(address):
    if address.startswith("https://"):
        return grpc.secure_channel(address[len("https://") :], grpc.ssl_channel_credentials())
    return grpc.insecure_channel(address)


def index(channel, file):
    """Indexes the file and answers the job once it is searchable; says on the way how far each stage is."""
    api = jobs_grpc.JobServiceStub(channel)
    job = api.CreateJob(jobs.CreateJobRequest(source_uri=Path(file).absolute().as_uri()), metadata=KEY)
    told = {}
    while True:
        try:
            # A stream that breaks off is taken up behind the last version seen.
            for event in api.WatchJob(jobs.WatchJobRequest(job=job.job, after_version=job.version), metadata=KEY):
                job = event.job
                for step in job.steps:
                    state = jobs.Step.State.Name(step.state)
                    if told.get(step.stage) != state:
                        told[step.stage] = state
                        print(f"  {step.stage} {state} {step.reason}".rstrip())
            break
        except grpc.RpcError as error:
            if error.code() != grpc.StatusCode.UNAVAILABLE:
                raise
            time.sleep(1)
    while job.sidecar_revision > 0 and not job.searchable:
        time.sleep(0.1)
        job = api.GetJob(jobs.GetJobRequest(job=job.job), metadata=KEY)
    return job


def main(file, question):
    with connect(os.environ.get("HEIMDEX_API", "127.0.0.1:8481")) as channel:
        job = index(channel, file)
        print(f"{jobs.Job.State.Name(job.state)} {job.reason}".rstrip())
        if job.sidecar_revision == 0:
            return 1
        answer = search_grpc.SearchServiceStub(channel).Search(search.SearchRequest(query=question, page_size=3), metadata=KEY)
        for hit in answer.results:
            found_by = ", ".join(why.channel for why in hit.why)
            print(f"{hit.title} {hit.start_ms / 1000:.1f} s to {hit.end_ms / 1000:.1f} s ({found_by}): {hit.snippet}")
        if not answer.results:
            print("Nothing matches.")
        body = sidecars_grpc.SidecarServiceStub(channel).GetSidecar(sidecars.GetSidecarRequest(asset=job.asset), metadata=KEY)
        layers = json.loads(body.data)["layers"]
        print("Sidecar: " + ", ".join(f"{layer['kind']} {len(layer['items'])}" for layer in layers))
        return 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    try:
        sys.exit(main(*sys.argv[1:]))
    except grpc.RpcError as error:
        sys.exit(f"{error.code().name}: {error.details()}")
