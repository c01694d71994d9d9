package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"time"

	pb "example.org/colours/gen/stagev1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

const (
	firstRenewal = 2 * time.Second // by then the server wants a sign of life from a lease that is not finished
	firstPause   = 100 * time.Millisecond
	longestPause = 5 * time.Second
	inlineBytes  = 256 << 10
)

// Failure is an error that says what the server is to do about it.
type Failure struct {
	Kind                  pb.Failed_Kind
	Reason, Message, Help string
}

func (f *Failure) Error() string { return f.Reason + ": " + f.Message }

// Run does one attempt: it answers the bytes of each output port. progress may be called at any time, by one goroutine.
type Run func(ctx context.Context, lease *pb.Lease, progress func(done, total float64, unit string)) (map[string][]byte, error)

// Worker serves one stage, one attempt at a time.
type Worker struct {
	Manifest *pb.Manifest
	Run      Run

	stages  pb.StageRegistryServiceClient
	work    pb.WorkServiceClient
	session *pb.OpenSessionResponse
	proof   string
}

// Serve works until ctx ends. The server may be away meanwhile: everything is asked again. It fails only when the stage is refused.
func (w *Worker) Serve(ctx context.Context, address string) error {
	reconnect := grpc.ConnectParams{Backoff: backoff.Config{BaseDelay: firstPause, Multiplier: 2, Jitter: 0.2, MaxDelay: longestPause}, MinConnectTimeout: longestPause}
	security := insecure.NewCredentials()
	if host, isSecure := strings.CutPrefix(address, "https://"); isSecure {
		address, security = host, credentials.NewTLS(nil)
	}
	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(security), grpc.WithConnectParams(reconnect))
	if err != nil {
		return err
	}
	defer connection.Close()
	w.stages, w.work = pb.NewStageRegistryServiceClient(connection), pb.NewWorkServiceClient(connection)
	for pause := firstPause; ctx.Err() == nil; pause = min(2*pause, longestPause) {
		err := w.serveSession(ctx, func() { pause = firstPause })
		switch status.Code(err) {
		case codes.OK:
			continue
		case codes.InvalidArgument: // the manifest is at fault: no retry would help
			return fmt.Errorf("%s was refused: %w", w.Manifest.Name, err)
		}
		if ctx.Err() == nil { // FailedPrecondition: the server was started anew and does not know the session. Unavailable: it is away.
			log.Printf("%v; again in %v", err, pause)
			sleep(ctx, pause)
		}
	}
	return nil
}

func sleep(ctx context.Context, pause time.Duration) {
	select {
	case <-time.After(pause):
	case <-ctx.Done():
	}
}

// persist makes the same call again and again until it is answered, so that neither a task nor a result is lost with an answer.
func persist[Q, A any](ctx context.Context, call func(context.Context, *Q, ...grpc.CallOption) (*A, error), request *Q) (*A, error) {
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		answer, err := call(ctx, request)
		switch status.Code(err) {
		case codes.Unavailable, codes.Internal, codes.Unknown, codes.Aborted, codes.ResourceExhausted: // away, or in some trouble
			sleep(ctx, pause)
		default:
			return answer, err
		}
		if ctx.Err() != nil {
			return nil, err
		}
	}
}

// stageKey is what sessions are opened with, where the server asks for a key. It is read anew for each, so that it may be changed.
func stageKey() (string, error) {
	file := os.Getenv("HEIMDEX_STAGE_KEY_FILE")
	if file == "" {
		return os.Getenv("HEIMDEX_STAGE_KEY"), nil
	}
	key, err := os.ReadFile(file)
	return strings.TrimSpace(string(key)), err
}

func (w *Worker) serveSession(ctx context.Context, opened func()) error {
	host, _ := os.Hostname()
	key, err := stageKey()
	if err != nil {
		return err
	}
	opening := ctx
	if key != "" {
		opening = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+key)
	}
	session, err := w.work.OpenSession(opening, &pb.OpenSessionRequest{ProtocolVersions: []uint32{1}, Worker: w.Manifest.Name + "@" + host})
	if err != nil {
		return err
	}
	w.session = session
	ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+session.Token)
	if proof, err := os.ReadFile(session.MountProbe); err == nil { // the same machine: inputs come with a path, too
		w.proof = string(proof)
	}
	if _, err = w.stages.RegisterStage(ctx, &pb.RegisterStageRequest{Session: session.Session, Manifest: w.Manifest}); err != nil {
		return err
	}
	opened()
	log.Printf("%s is registered", w.Manifest.Name)
	defer w.work.CloseSession(context.WithoutCancel(ctx), &pb.CloseSessionRequest{Session: session.Session})
	for ctx.Err() == nil {
		answer, err := persist(ctx, w.work.AcquireLeases, &pb.AcquireLeasesRequest{
			Session: session.Session, RequestId: rand.Text(), Wait: session.MaxWait, MountProof: w.proof,
			Slots: []*pb.Slots{{Stage: w.Manifest.Name, Count: 1}},
		})
		if err != nil {
			return err
		}
		for _, lease := range answer.Leases {
			if err := w.attempt(ctx, lease); err != nil {
				return err
			}
		}
		if answer.Drain {
			return nil
		}
	}
	return nil
}

// attempt works a lease off, renews it meanwhile, and tells the server how it ended.
func (w *Worker) attempt(ctx context.Context, lease *pb.Lease) error {
	working, stop := context.WithTimeout(ctx, time.Duration(lease.AttemptTimeoutMs)*time.Millisecond)
	defer stop()
	var progress atomic.Pointer[pb.Progress]
	lost := make(chan bool, 1)
	go func() { lost <- w.renew(working, stop, lease, &progress) }()
	began := time.Now()
	outputs, err := w.Run(working, lease, func(done, total float64, unit string) {
		progress.Store(&pb.Progress{Done: done, Total: total, Unit: unit})
	})
	finish := &pb.Finish{Lease: lease.Lease, Epoch: lease.Epoch}
	var completed *pb.Completed
	if err == nil {
		completed, err = w.bring(working, lease, outputs)
	}
	var failure *Failure
	switch {
	case err == nil:
		finish.Outcome = &pb.Finish_Completed{Completed: completed}
	case working.Err() != nil: // cancelled, lost, or this worker ends
		finish.Outcome = &pb.Finish_Released{Released: &pb.Released{Reason: "stopped"}}
	case errors.As(err, &failure):
		finish.Outcome = &pb.Finish_Failed{Failed: &pb.Failed{Kind: failure.Kind, Reason: failure.Reason, Message: failure.Message, Help: failure.Help}}
	default:
		finish.Outcome = &pb.Finish_Failed{Failed: &pb.Failed{Kind: pb.Failed_RETRYABLE, Reason: "STAGE_ERROR", Message: err.Error()}}
	}
	stop()
	if <-lost { // nobody waits for a word about it any more
		return nil
	}
	finish.WallMs = uint32(time.Since(began).Milliseconds())
	finishing, end := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer end()
	answer, err := persist(finishing, w.work.FinishLeases, &pb.FinishLeasesRequest{Session: w.session.Session, Finishes: []*pb.Finish{finish}})
	if err == nil && answer.Answers[0].Result != pb.FinishAnswer_ACCEPTED {
		log.Printf("%s: %s: %s", lease.SourceName, answer.Answers[0].Reason, answer.Answers[0].Message)
	}
	return err
}

// bring makes artifacts of outputs: small ones travel with the result, others are put to a signed URL before.
func (w *Worker) bring(ctx context.Context, lease *pb.Lease, outputs map[string][]byte) (*pb.Completed, error) {
	completed := &pb.Completed{}
	for number, port := range w.Manifest.Outputs {
		data, found := outputs[port.Name]
		if !found {
			continue
		}
		digest := sha256.Sum256(data)
		artifact := &pb.Artifact{Port: port.Name, MediaType: port.MediaType, Sha256: hex.EncodeToString(digest[:]), Size: uint64(len(data))}
		completed.Outputs = append(completed.Outputs, artifact)
		if len(data) <= inlineBytes {
			artifact.Content = &pb.Artifact_Inline{Inline: data}
			continue
		}
		made, err := persist(ctx, w.work.CreateUploads, &pb.CreateUploadsRequest{
			Session: w.session.Session, Lease: lease.Lease, Epoch: lease.Epoch, Sizes: []uint64{artifact.Size}, First: uint32(number),
		})
		if err != nil {
			return nil, err
		}
		if _, err := fetch(ctx, http.MethodPut, made.Uploads[0].Url, data); err != nil {
			return nil, err
		}
		artifact.Content = &pb.Artifact_Upload{Upload: uint32(number)}
	}
	return completed, nil
}

// renew tells the server that the lease is worked on, until working ends. It answers whether the lease was lost.
func (w *Worker) renew(working context.Context, stop func(), lease *pb.Lease, progress *atomic.Pointer[pb.Progress]) bool {
	for pause := firstRenewal; ; pause = w.session.RenewEvery.AsDuration() {
		if sleep(working, pause); working.Err() != nil {
			return false
		}
		answer, err := persist(working, w.work.RenewLeases, &pb.RenewLeasesRequest{
			Session:  w.session.Session,
			Renewals: []*pb.Renewal{{Lease: lease.Lease, Epoch: lease.Epoch, Progress: progress.Load()}},
		})
		isLost := status.Code(err) == codes.FailedPrecondition || // the server does not know the session any more
			err == nil && answer.Answers[0].Verdict == pb.RenewalAnswer_LOST
		if isLost || err == nil && answer.Answers[0].Verdict == pb.RenewalAnswer_CANCEL {
			stop()
			return isLost
		}
	}
}

// Read gives the bytes of an input.
func Read(ctx context.Context, input *pb.Artifact) ([]byte, error) {
	if input.Path != "" {
		return os.ReadFile(input.Path)
	}
	if inline, ok := input.Content.(*pb.Artifact_Inline); ok {
		return inline.Inline, nil
	}
	return fetch(ctx, http.MethodGet, input.GetUrl(), nil)
}

func fetch(ctx context.Context, method, url string, body []byte) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode >= 300 {
		return nil, fmt.Errorf("%s: %s", method, response.Status)
	}
	return io.ReadAll(response.Body)
}
