// Indexes a file, watches the job to its end, asks a question, and reads the sidecar: the public API, heimdex.v1, from Go.
//
//	./find FILE QUESTION
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	api "example.org/find/gen/heimdexv1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// index indexes the file and answers the job once it is searchable; it says on the way how far each stage is.
func index(ctx context.Context, jobs api.JobServiceClient, file string) (*api.Job, error) {
	path, err := filepath.Abs(file)
	if err != nil {
		return nil, err
	}
	source := url.URL{Scheme: "file", Path: path}
	job, err := jobs.CreateJob(ctx, &api.CreateJobRequest{SourceUri: source.String()})
	if err != nil {
		return nil, err
	}
	told := map[string]api.Step_State{}
	for {
		job, err = watch(ctx, jobs, job, told)
		if err == nil {
			break
		}
		if status.Code(err) != codes.Unavailable {
			return nil, err
		}
		time.Sleep(time.Second) // the stream broke off: it is taken up behind the last version seen
	}
	for job.SidecarRevision > 0 && !job.Searchable {
		time.Sleep(100 * time.Millisecond)
		if job, err = jobs.GetJob(ctx, &api.GetJobRequest{Job: job.Job}); err != nil {
			return nil, err
		}
	}
	return job, nil
}

func watch(ctx context.Context, jobs api.JobServiceClient, job *api.Job, told map[string]api.Step_State) (*api.Job, error) {
	stream, err := jobs.WatchJob(ctx, &api.WatchJobRequest{Job: job.Job, AfterVersion: job.Version})
	if err != nil {
		return job, err
	}
	for {
		event, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return job, nil
		}
		if err != nil {
			return job, err
		}
		job = event.Job
		for _, step := range job.Steps {
			if told[step.Stage] != step.State {
				told[step.Stage] = step.State
				fmt.Println(strings.TrimSpace(fmt.Sprintf("  %s %s %s", step.Stage, step.State, step.Reason)))
			}
		}
	}
}

func run(ctx context.Context, file, question string) error {
	address, security := cmp.Or(os.Getenv("HEIMDEX_API"), "127.0.0.1:8481"), insecure.NewCredentials()
	if host, isSecure := strings.CutPrefix(address, "https://"); isSecure {
		address, security = host, credentials.NewTLS(nil)
	}
	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(security))
	if err != nil {
		return err
	}
	defer connection.Close()
	if file := os.Getenv("HEIMDEX_KEY_FILE"); file != "" {
		key, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+strings.TrimSpace(string(key)))
	}
	job, err := index(ctx, api.NewJobServiceClient(connection), file)
	if err != nil {
		return err
	}
	fmt.Println(strings.TrimSpace(fmt.Sprint(job.State, " ", job.Reason)))
	if job.SidecarRevision == 0 {
		return errors.New("nothing could be indexed")
	}
	answer, err := api.NewSearchServiceClient(connection).Search(ctx, &api.SearchRequest{Query: question, PageSize: 3})
	if err != nil {
		return err
	}
	for _, hit := range answer.Results {
		var channels []string
		for _, why := range hit.Why {
			channels = append(channels, why.Channel)
		}
		fmt.Printf("%s %.1f s to %.1f s (%s): %s\n", hit.Title, float64(hit.StartMs)/1000, float64(hit.EndMs)/1000, strings.Join(channels, ", "), hit.Snippet)
	}
	if len(answer.Results) == 0 {
		fmt.Println("Nothing matches.")
	}
	body, err := api.NewSidecarServiceClient(connection).GetSidecar(ctx, &api.GetSidecarRequest{Asset: job.Asset})
	if err != nil {
		return err
	}
	var sidecar struct {
		Layers []struct {
			Kind  string
			Items []json.RawMessage
		}
	}
	if err := json.Unmarshal(body.Data, &sidecar); err != nil {
		return err
	}
	for _, layer := range sidecar.Layers {
		fmt.Printf("layer %s: %d items\n", layer.Kind, len(layer.Items))
	}
	return nil
}

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: find FILE QUESTION")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1], os.Args[2]); err != nil {
		log.Fatal(err)
	}
}
