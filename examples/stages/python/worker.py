"""A worker of the contract heimdex.stage.v1: one stage, one attempt at a time.

The main thread asks for work and does it; a second thread renews the lease meanwhile, so that work which keeps
the interpreter busy for a while does not lose it. The server may be away: everything is asked again.
"""

import hashlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
import traceback
import urllib.request
import uuid
from dataclasses import dataclass, field
from pathlib import Path

import grpc

sys.path.insert(0, str(Path(__file__).parent / "gen"))
from heimdex.stage.v1 import stage_registry_service_pb2 as registry  # noqa: E402
from heimdex.stage.v1 import stage_registry_service_pb2_grpc as registry_grpc  # noqa: E402
from heimdex.stage.v1 import work_service_pb2 as work  # noqa: E402
from heimdex.stage.v1 import work_service_pb2_grpc as work_grpc  # noqa: E402

FIRST_RENEWAL_SECONDS = 2  # by then the server wants a sign of life from a lease that is not finished
LONGEST_PAUSE_SECONDS = 5
LEAVE_SECONDS = 5  # so long a server that is away is asked again by a worker that is to leave
INLINE_BYTES = 256 * 1024
AWAY = (  # the call may be made again: the server is away, or in some trouble
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.UNKNOWN,
    grpc.StatusCode.ABORTED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
)
CHANNEL = [("grpc.initial_reconnect_backoff_ms", 200), ("grpc.max_reconnect_backoff_ms", LONGEST_PAUSE_SECONDS * 1000)]


class StageFailure(Exception):
    """A failure with a kind (RETRYABLE, TERMINAL, INPUT_REJECTED, RESOURCE), a stable reason and a help text."""

    def __init__(self, kind, reason, message, help=""):
        super().__init__(message)
        self.kind, self.reason, self.help = work.Failed.Kind.Value(kind), reason, help


class Stopped(Exception):
    """The attempt is no longer wanted: the job was cancelled, the lease was lost, or the worker is to leave."""


@dataclass
class Attempt:
    """One lease while it is worked on."""

    lease: work.Lease
    stopped: threading.Event = field(default_factory=threading.Event)
    lost: bool = False  # nobody waits for a word about it any more
    progress: work.Progress = field(default_factory=work.Progress)
    children: list = field(default_factory=list)

    def input(self, port):
        """Where a tool can read the first artifact of a port: a path on this machine, else a signed URL. None if it is absent."""
        found = next((artifact for artifact in self.lease.inputs if artifact.port == port), None)
        return found and (found.path or found.url)

    def read(self, port):
        """All bytes of the first artifact of a port: small ones came with the lease. None if it is absent."""
        found = next((artifact for artifact in self.lease.inputs if artifact.port == port), None)
        if found is None or found.WhichOneof("content") == "inline":
            return found and found.inline
        if found.path:
            return Path(found.path).read_bytes()
        return self.wait_for(lambda: urllib.request.urlopen(found.url, timeout=60).read())

    def wait_for(self, work):
        """What `work` answers, which may wait long for others; raises Stopped as soon as nobody wants it any more."""
        answers = queue.SimpleQueue()

        def do():
            try:
                answers.put((work(), None))
            except Exception as error:
                answers.put((None, error))

        threading.Thread(target=do, daemon=True).start()
        while not self.stopped.is_set():
            try:
                answer, error = answers.get(timeout=0.1)
            except queue.Empty:
                continue
            if error is not None:
                raise error
            return answer
        raise Stopped

    def popen(self, command, **options):
        """A child process that ends when the attempt is to stop, also while it waits for something."""
        child = subprocess.Popen(command, **options)
        self.children.append(child)
        if self.stopped.is_set():
            child.kill()
        return child

    def tell(self, done, total, unit):
        """Says how far it is, and raises Stopped when nobody wants the result any more."""
        self.progress = work.Progress(done=done, total=total, unit=unit)
        if self.stopped.is_set():
            raise Stopped

    def stop(self, lost=False):
        self.lost = self.lost or lost
        self.stopped.set()
        for child in self.children:
            child.kill()


def stage_key():
    """The key that sessions are opened with, where the server asks for one. Read anew for each, so that it may be changed."""
    file = os.environ.get("HEIMDEX_STAGE_KEY_FILE")
    key = Path(file).read_text().strip() if file else os.environ.get("HEIMDEX_STAGE_KEY", "")
    return (("authorization", f"Bearer {key}"),) if key else ()


class Worker:
    def __init__(self, manifest, run, probe=lambda: ("", "")):
        """`run(attempt, config)` answers {port: bytes}; `probe()` answers (reason, help), both empty when the stage can run here."""
        self.manifest, self.run, self.probe = manifest, run, probe
        self.leaving = threading.Event()
        self.attempt = self.poll = None

    def serve(self, address=None):
        """Works until SIGTERM or Ctrl-C, and then gives back what it holds."""
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: self.leave())
        address = address or os.environ.get("HEIMDEX_ORCHESTRATOR", "127.0.0.1:8482")
        if address.startswith("https://"):
            channel = grpc.secure_channel(address[len("https://") :], grpc.ssl_channel_credentials(), CHANNEL)
        else:
            channel = grpc.insecure_channel(address, CHANNEL)
        self.stages = registry_grpc.StageRegistryServiceStub(channel)
        self.work = work_grpc.WorkServiceStub(channel)
        pause = 0.1
        while not self.leaving.is_set():
            try:
                self.open()
                pause = 0.1
                while not self.leaving.is_set() and self.take():
                    pass
                self.work.CloseSession(work.CloseSessionRequest(session=self.session.session), metadata=self.token, timeout=5)
            except grpc.RpcError as error:
                if self.leaving.is_set():
                    return
                # FAILED_PRECONDITION: the server was started anew and does not know this session. UNAVAILABLE: it is away.
                if error.code() in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.ALREADY_EXISTS):
                    sys.exit(f"{self.manifest.name} was refused: {error.details()}")
                print(f"{error.code().name}: {error.details()}; again in {pause:.1f} s", file=sys.stderr)
                self.leaving.wait(pause)
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    def leave(self):
        self.leaving.set()
        if self.poll:
            self.poll.cancel()
        if self.attempt:
            self.attempt.stop()

    def call(self, method, request, timeout, poll=False):
        """The same call again and again until it is answered, so that neither a task nor a result is lost with an answer.

        None when a poll was given up, as the worker is to leave."""
        pause, since = 0.1, time.monotonic()
        while not (poll and self.leaving.is_set()):
            calling = method.future(request, metadata=self.token, timeout=timeout)
            try:
                if poll:
                    self.poll = calling
                    if self.leaving.is_set():
                        calling.cancel()
                return calling.result()
            except grpc.FutureCancelledError:
                return None
            except grpc.RpcError as error:
                late = self.leaving.is_set() and time.monotonic() - since > LEAVE_SECONDS
                if late or error.code() not in AWAY:
                    raise
            time.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    def open(self):
        request = work.OpenSessionRequest(protocol_versions=[1], worker=f"{self.manifest.name}@{os.uname().nodename}")
        self.session = self.work.OpenSession(request, metadata=stage_key(), timeout=10)
        self.token = (("authorization", f"Bearer {self.session.token}"),)
        probe = Path(self.session.mount_probe) if self.session.mount_probe else None
        self.proof = probe.read_text() if probe and os.access(probe, os.R_OK) else ""
        reason, help = self.probe()
        self.stages.RegisterStage(
            registry.RegisterStageRequest(
                session=self.session.session, manifest=self.manifest, unavailable_reason=reason, unavailable_help=help
            ),
            metadata=self.token,
            timeout=10,
        )
        print(f"{self.manifest.name} is registered{f' as unavailable: {reason}' if reason else ''}", file=sys.stderr)

    def take(self):
        """Waits for one lease and works it off. False when the server wants the session to end."""
        request = work.AcquireLeasesRequest(
            session=self.session.session,
            request_id=uuid.uuid4().hex,
            slots=[work.Slots(stage=self.manifest.name, count=1)],
            wait=self.session.max_wait,
            mount_proof=self.proof,
        )
        answer = self.call(self.work.AcquireLeases, request, self.session.max_wait.seconds + 10, poll=True)
        if answer is None:
            return False
        for lease in answer.leases:
            self.finish(lease)
        return not answer.drain

    def finish(self, lease):
        began, cpu = time.monotonic(), sum(os.times()[:4])
        self.attempt, ended = Attempt(lease), threading.Event()
        renewer = threading.Thread(target=self.renew, args=(self.attempt, ended), daemon=True)
        renewer.start()
        entry = work.Finish(lease=lease.lease, epoch=lease.epoch)
        types = {port.name: port.media_type for port in self.manifest.outputs}
        try:
            outputs = self.run(self.attempt, json.loads(lease.config))
            if self.attempt.stopped.is_set():  # its child processes were ended: what they said may be cut short
                raise Stopped
            for number, (port, data) in enumerate(outputs.items()):
                entry.completed.outputs.append(self.bring(number, lease, port, types[port], data))
        except StageFailure as failure:
            entry.failed.kind, entry.failed.reason = failure.kind, failure.reason
            entry.failed.message, entry.failed.help = str(failure), failure.help
        except Exception as error:  # also Stopped; whatever it is: the server decides about another attempt
            entry.failed.kind, entry.failed.reason = work.Failed.RETRYABLE, "STAGE_ERROR"
            entry.failed.message, entry.failed.log_tail = repr(error)[:2000], traceback.format_exc()[-4000:]
        finally:
            ended.set()
        if self.attempt.stopped.is_set() and not entry.HasField("completed"):
            entry.released.reason = "stopped"
        entry.wall_ms = int((time.monotonic() - began) * 1000)
        entry.cpu_ms = int((sum(os.times()[:4]) - cpu) * 1000)
        renewer.join()
        if self.attempt.lost:
            return
        request = work.FinishLeasesRequest(session=self.session.session, finishes=[entry])
        answer = self.call(self.work.FinishLeases, request, timeout=60).answers[0]
        if answer.result != work.FinishAnswer.ACCEPTED:
            print(f"{lease.source_name}: {answer.reason}: {answer.message}", file=sys.stderr)

    def bring(self, number, lease, port, media_type, data):
        """The artifact of one output: small ones travel with the result, others are put to a signed URL before."""
        sha256 = hashlib.sha256(data).hexdigest()
        artifact = work.Artifact(port=port, media_type=media_type, sha256=sha256, size=len(data))
        if len(data) <= INLINE_BYTES:
            artifact.inline = data
            return artifact
        request = work.CreateUploadsRequest(
            session=self.session.session, lease=lease.lease, epoch=lease.epoch, sizes=[len(data)], first=number
        )
        upload = self.call(self.work.CreateUploads, request, timeout=10).uploads[0]
        put = urllib.request.Request(upload.url, data=data, method="PUT")
        self.attempt.wait_for(lambda: urllib.request.urlopen(put, timeout=600).close())
        artifact.upload = upload.number
        return artifact

    def renew(self, attempt, ended):
        pause = FIRST_RENEWAL_SECONDS
        while not ended.wait(pause):
            pause = self.session.renew_every.ToTimedelta().total_seconds()
            held = work.Renewal(lease=attempt.lease.lease, epoch=attempt.lease.epoch, progress=attempt.progress)
            try:
                request = work.RenewLeasesRequest(session=self.session.session, renewals=[held])
                answer = self.work.RenewLeases(request, metadata=self.token, timeout=pause).answers[0]
                if answer.verdict != work.RenewalAnswer.CONTINUE:
                    attempt.stop(lost=answer.verdict == work.RenewalAnswer.LOST)
                if attempt.lost:
                    return
            except grpc.RpcError as error:
                if error.code() == grpc.StatusCode.FAILED_PRECONDITION:  # the server does not know the session any more
                    return attempt.stop(lost=True)
                print(f"renewal: {error.code().name}: {error.details()}", file=sys.stderr)
                pause = FIRST_RENEWAL_SECONDS
