// A stage in Go: dominant colours of each scene, and whether it looks like day or night.
package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"image"
	"image/jpeg"
	"log"
	"os"
	"os/signal"
	"strings"
	"syscall"

	pb "example.org/colours/gen/stagev1"
)

const kind = "org.example.colours"

// layerSchema says what the layer holds, and that its words are searched.
const layerSchema = `{"type": "object", "required": ["kind", "version", "items"], "properties": {
  "kind": {"const": "org.example.colours"}, "version": {"const": 1},
  "items": {"type": "array", "items": {"type": "object", "required": ["id", "start_ms", "end_ms", "text", "daylight"], "properties": {
    "id": {"type": "string"}, "start_ms": {"type": "integer"}, "end_ms": {"type": "integer"},
    "text": {"type": "string", "x-heimdex-search": "text", "description": "Colours and daylight in words."},
    "colours": {"type": "array", "items": {"type": "string"}, "x-heimdex-search": "facet", "description": "Dominant colours, the largest first."},
    "daylight": {"enum": ["day", "night"], "x-heimdex-search": "facet"}}}}}}`

func port(name, mediaType, schema string, many bool) *pb.Port {
	return &pb.Port{Name: name, MediaType: mediaType, Schema: schema, Major: 1, Many: many}
}

var manifest = &pb.Manifest{
	Name: kind, Version: "1.0.0", Behaviour: 1, Deterministic: true,
	Description: "Dominant colours of each scene, and whether it looks like day or night",
	Inputs: []*pb.Port{
		port("scenes", "application/json", "heimdex.layer.scenes", false),
		port("keyframes", "application/json", "heimdex.layer.keyframes", false),
		port("images", "image/jpeg", "heimdex.keyframe", true),
	},
	Outputs:    []*pb.Port{{Name: "colours", MediaType: "application/json", Schema: kind, Major: 1, LayerSchema: layerSchema}},
	Conditions: []string{"has_video"},
}

type span struct {
	ID      string `json:"id"`
	StartMs int    `json:"start_ms"`
	EndMs   int    `json:"end_ms"`
}
type keyframe struct {
	span
	Image struct{ Sha256 string }
}
type item struct {
	span
	Text     string   `json:"text"`
	Colours  []string `json:"colours"`
	Daylight string   `json:"daylight"`
}

func run(ctx context.Context, lease *pb.Lease, progress func(done, total float64, unit string)) (map[string][]byte, error) {
	var scenes struct{ Items []span }
	var keyframes struct{ Items []keyframe }
	images := map[string]*pb.Artifact{}
	for _, input := range lease.Inputs {
		var into any
		switch input.Port {
		case "scenes":
			into = &scenes
		case "keyframes":
			into = &keyframes
		case "images":
			images[input.Sha256] = input
			continue
		}
		if data, err := Read(ctx, input); err != nil {
			return nil, err
		} else if err := json.Unmarshal(data, into); err != nil {
			return nil, err
		}
	}
	items := []item{}
	for at, scene := range scenes.Items {
		var pictures []image.Image
		for _, frame := range keyframes.Items {
			if input := images[frame.Image.Sha256]; input != nil && frame.StartMs < scene.EndMs && frame.EndMs > scene.StartMs {
				data, err := Read(ctx, input)
				if err != nil {
					return nil, err
				}
				picture, err := jpeg.Decode(bytes.NewReader(data))
				if err != nil {
					return nil, &Failure{Kind: pb.Failed_INPUT_REJECTED, Reason: "PICTURE_UNREADABLE", Message: frame.ID + ": " + err.Error(), Help: "Index the film again."}
				}
				pictures = append(pictures, picture)
			}
		}
		if look := Describe(pictures); look.Daylight != "" {
			digest := sha256.Sum256(fmt.Appendf(nil, "%s %s %d", lease.Asset, kind, scene.StartMs))
			scene.ID = fmt.Sprintf("colours_%x", digest[:8])
			text := strings.Join(append(look.Colours, look.Daylight), ", ")
			items = append(items, item{scene, text, look.Colours, look.Daylight})
		}
		progress(float64(at+1), float64(len(scenes.Items)), "scenes")
	}
	data, err := json.Marshal(map[string]any{"kind": kind, "version": 1, "language": "en", "items": items})
	return map[string][]byte{"colours": data}, err
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	worker := Worker{Manifest: manifest, Run: run}
	if err := worker.Serve(ctx, cmp.Or(os.Getenv("HEIMDEX_ORCHESTRATOR"), "127.0.0.1:8482")); err != nil {
		log.Fatal(err)
	}
}
