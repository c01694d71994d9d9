package main

import (
	"image"
	"image/color"
	"slices"
	"testing"
)

func TestName(t *testing.T) {
	for want, rgb := range map[string][3]float64{
		"black": {10, 12, 9}, "white": {250, 250, 245}, "grey": {128, 130, 127}, "red": {220, 20, 30}, "orange": {250, 140, 20},
		"brown": {110, 65, 25}, "yellow": {245, 230, 40}, "green": {40, 160, 50}, "turquoise": {40, 200, 200}, "blue": {30, 60, 200},
		"purple": {120, 40, 190}, "pink": {240, 90, 180},
	} {
		if got := Name(rgb[0], rgb[1], rgb[2]); got != want {
			t.Errorf("%v is %s, not %s", rgb, got, want)
		}
	}
}

// TestNameOfEveryColour: there is a word for each of them.
func TestNameOfEveryColour(t *testing.T) {
	for r := 0.0; r < 256; r += 5 {
		for g := 0.0; g < 256; g += 5 {
			for b := 0.0; b < 256; b += 5 {
				Name(r, g, b)
			}
		}
	}
}

func filled(left, right color.Color) image.Image {
	picture := image.NewRGBA(image.Rect(0, 0, 64, 36))
	for y := range 36 {
		for x := range 64 {
			if x < 40 {
				picture.Set(x, y, left)
			} else {
				picture.Set(x, y, right)
			}
		}
	}
	return picture
}

func TestDescribe(t *testing.T) {
	sky, grass := color.RGBA{110, 160, 240, 255}, color.RGBA{60, 150, 60, 255}
	look := Describe([]image.Image{filled(sky, grass)})
	if !slices.Equal(look.Colours, []string{"blue", "green"}) || look.Daylight != "day" {
		t.Errorf("a meadow under the sky is %v", look)
	}
	look = Describe([]image.Image{filled(color.RGBA{8, 8, 20, 255}, color.RGBA{20, 30, 70, 255})})
	if !slices.Equal(look.Colours, []string{"black", "blue"}) || look.Daylight != "night" {
		t.Errorf("a dark street is %v", look)
	}
	if look := Describe(nil); look.Daylight != "" || look.Colours != nil {
		t.Errorf("no picture is %v", look)
	}
}
