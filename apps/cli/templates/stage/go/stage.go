// A Heimdex stage in Go: it says in words how long a film is. Change it to what you want to find.
package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"log"
	"math"
	"os"
	"os/signal"
	"syscall"

	pb "example.org/stage/gen/stagev1"
)

const kind = "org.example.length"

// layerSchema says what the layer holds, and what of it is searched.
const layerSchema = `{"type": "object", "required": ["kind", "version", "items"], "properties": {
  "kind": {"const": "org.example.length"}, "version": {"const": 1},
  "items": {"type": "array", "items": {"type": "object", "required": ["id", "start_ms", "end_ms", "text", "seconds"], "properties": {
    "id": {"type": "string"}, "start_ms": {"type": "integer"}, "end_ms": {"type": "integer"},
    "text": {"type": "string", "x-heimdex-search": "text", "description": "What a search finds it by."},
    "seconds": {"type": "number", "x-heimdex-search": "number", "description": "Length in seconds."}}}}}}`

var manifest = &pb.Manifest{
	Name: kind, Version: "1.0.0", Behaviour: 1, Deterministic: true,
	Description: "Says in words how long a film is",
	Inputs:      []*pb.Port{{Name: "media", MediaType: "application/json", Schema: "heimdex.media", Major: 1}},
	Outputs:     []*pb.Port{{Name: "length", MediaType: "application/json", Schema: kind, Major: 1, LayerSchema: layerSchema}},
}

type item struct {
	ID      string  `json:"id"`
	StartMs int     `json:"start_ms"`
	EndMs   int     `json:"end_ms"`
	Text    string  `json:"text"`
	Seconds float64 `json:"seconds"`
}

// InWords says how long a film is.
func InWords(durationMs int) string {
	seconds := int(math.Round(float64(durationMs) / 1000))
	amount, size := fmt.Sprintf("%d seconds", seconds), "short"
	if seconds >= 120 {
		amount = fmt.Sprintf("%d minutes", int(math.Round(float64(seconds)/60)))
	}
	if seconds >= 1200 {
		size = "long"
	}
	return fmt.Sprintf("%s film of %s", size, amount)
}

func run(ctx context.Context, lease *pb.Lease, progress func(done, total float64, unit string)) (map[string][]byte, error) {
	data, err := Read(ctx, lease.Inputs[0])
	if err != nil {
		return nil, err
	}
	var media struct {
		DurationMs int `json:"duration_ms"`
	}
	if err := json.Unmarshal(data, &media); err != nil {
		return nil, err
	}
	digest := sha256.Sum256([]byte(lease.Asset + " " + kind)) // stable under re-runs: the same asset gives the same id
	found := item{fmt.Sprintf("length_%x", digest[:8]), 0, media.DurationMs, InWords(media.DurationMs), float64(media.DurationMs) / 1000}
	layer, err := json.Marshal(map[string]any{"kind": kind, "version": 1, "language": "en", "items": []item{found}})
	return map[string][]byte{"length": layer}, err
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	worker := Worker{Manifest: manifest, Run: run}
	if err := worker.Serve(ctx, cmp.Or(os.Getenv("HEIMDEX_ORCHESTRATOR"), "127.0.0.1:8482")); err != nil {
		log.Fatal(err)
	}
}
