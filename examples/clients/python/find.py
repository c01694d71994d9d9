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


def index(channel, file):
    """Indexes the file and answers the job once it is searchable; says on the way how far each stage is."""
    api = jobs_grpc.JobServiceStub(channel)
    job = api.CreateJob(jobs.CreateJobRequest(source_uri=Path(file).absolute().as_uri()))
    told = {}
    while True:
        try:
            # A stream that breaks off is taken up behind the last version seen.
            for event in api.WatchJob(jobs.WatchJobRequest(job=job.job, after_version=job.version)):
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
        job = api.GetJob(jobs.GetJobRequest(job=job.job))
    return job


def main(file, question):
    with grpc.insecure_channel(os.environ.get("HEIMDEX_API", "127.0.0.1:8481")) as channel:
        job = index(channel, file)
        print(f"{jobs.Job.State.Name(job.state)} {job.reason}".rstrip())
        if job.sidecar_revision == 0:
            return 1
        answer = search_grpc.SearchServiceStub(channel).Search(search.SearchRequest(query=question, page_size=3))
        for hit in answer.results:
            found_by = ", ".join(why.channel for why in hit.why)
            print(f"{hit.title} {hit.start_ms / 1000:.1f} s to {hit.end_ms / 1000:.1f} s ({found_by}): {hit.snippet}")
        if not answer.results:
            print("Nothing matches.")
        body = sidecars_grpc.SidecarServiceStub(channel).GetSidecar(sidecars.GetSidecarRequest(asset=job.asset))
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
