package main

import (
	"cmp"
	"fmt"
	"image"
	"math"
	"slices"
)

// Look is what a picture, or several of one scene, look like.
type Look struct {
	Colours  []string // dominant ones, the largest share first
	Daylight string   // "day" or "night"
}

// sampleStep: every so manyth pixel in both directions is looked at.
const sampleStep = 4

// A colour is dominant from this share of the picture on; there are never more than maxColours of them.
const minShare, maxColours = 0.12, 3

// nightLuma: a scene whose mean luma (0..255) is below it counts as night. Broadcast night scenes lie between 20 and 60, rooms with lamps above 70.
const nightLuma = 65

// Describe finds the dominant colours of all pictures together, and tells day from night by how bright they are.
func Describe(pictures []image.Image) Look {
	counts := map[string]int{}
	total, luma := 0, 0.0
	for _, picture := range pictures {
		bounds := picture.Bounds()
		for y := bounds.Min.Y; y < bounds.Max.Y; y += sampleStep {
			for x := bounds.Min.X; x < bounds.Max.X; x += sampleStep {
				r, g, b, _ := picture.At(x, y).RGBA()
				red, green, blue := float64(r>>8), float64(g>>8), float64(b>>8)
				counts[Name(red, green, blue)]++
				luma += 0.2126*red + 0.7152*green + 0.0722*blue // BT.709
				total++
			}
		}
	}
	if total == 0 {
		return Look{}
	}
	look := Look{Daylight: "day"}
	if luma/float64(total) < nightLuma {
		look.Daylight = "night"
	}
	for name, count := range counts {
		if float64(count) >= minShare*float64(total) {
			look.Colours = append(look.Colours, name)
		}
	}
	slices.SortFunc(look.Colours, func(a, b string) int { return cmp.Or(counts[b]-counts[a], cmp.Compare(a, b)) })
	look.Colours = look.Colours[:min(len(look.Colours), maxColours)]
	return look
}

// hues: names of hues up to an angle in degrees.
var hues = []struct {
	upTo float64
	name string
}{{15, "red"}, {45, "orange"}, {70, "yellow"}, {165, "green"}, {195, "turquoise"}, {260, "blue"}, {300, "purple"}, {345, "pink"}, {360, "red"}}

// Name is the everyday word for a colour of 0..255 a channel, by hue, saturation and value.
func Name(r, g, b float64) string {
	high, low := max(r, g, b), min(r, g, b)
	spread := high - low
	switch {
	case high < 40:
		return "black"
	case spread < 0.15*high && high > 210:
		return "white"
	case spread < 0.18*high:
		return "grey"
	}
	var hue float64
	switch high {
	case r:
		hue = math.Mod((g-b)/spread+6, 6)
	case g:
		hue = (b-r)/spread + 2
	default:
		hue = (r-g)/spread + 4
	}
	hue *= 60
	if hue >= 15 && hue < 45 && high < 160 {
		return "brown" // a dark orange
	}
	for _, range_ := range hues {
		if hue <= range_.upTo {
			return range_.name
		}
	}
	panic(fmt.Sprintf("a hue of %v degrees", hue))
}
