package main

import "testing"

func TestFilmsUpToTwentyMinutesAreShort(t *testing.T) {
	for durationMs, want := range map[int]string{
		11_400:    "short film of 11 seconds",
		600_000:   "short film of 10 minutes",
		5_400_000: "long film of 90 minutes",
	} {
		if got := InWords(durationMs); got != want {
			t.Errorf("InWords(%d) = %q, want %q", durationMs, got, want)
		}
	}
}
