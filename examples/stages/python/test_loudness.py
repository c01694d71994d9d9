"""python -m unittest, in the .venv that ./setup makes."""

import json
import subprocess
import tempfile
import unittest
from pathlib import Path

from loudness import loudness_items, manifest, run
from worker import Attempt, StageFailure, work


def tenths(*stretches):
    """(seconds, LUFS) stretches as the ten measurements a second that ffmpeg gives."""
    at = 0
    for seconds, lufs in stretches:
        for _ in range(round(seconds * 10)):
            yield at, lufs
            at += 100


class Items(unittest.TestCase):
    def items(self, *stretches, silence_lufs=-60, silence_ms=2000):
        return loudness_items(tenths(*stretches), "a_1", silence_lufs, silence_ms)

    def test_a_second_has_its_loudest_moment(self):
        first = self.items((0.5, -30), (0.5, -20), (1, -40))[0]
        self.assertEqual((first["start_ms"], first["end_ms"], first["lufs"]), (0, 1000, -20))

    def test_silence_is_one_item_and_no_number(self):
        items = self.items((1, -20), (3, -90), (1, -20))
        self.assertEqual([item for item in items if "text" in item], [{**items[1], "start_ms": 1000, "end_ms": 4000, "text": "silence"}])
        self.assertEqual([item["start_ms"] for item in items if "lufs" in item], [0, 4000])

    def test_a_short_pause_is_no_silence(self):
        self.assertFalse(any("text" in item for item in self.items((1, -20), (1.9, -90), (1, -20))))

    def test_silence_at_the_end_ends_with_the_sound(self):
        self.assertEqual(self.items((1, -20), (2.5, -90))[-1]["end_ms"], 3500)

    def test_nothing_gives_nothing(self):
        self.assertEqual(self.items(), [])

    def test_ids_are_stable_and_differ(self):
        one, again = self.items((3, -20)), self.items((3, -20))
        self.assertEqual(one, again)
        self.assertEqual(len({item["id"] for item in one}), 3)


class RealSound(unittest.TestCase):
    def measured(self, *source):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "sound.wav"
            subprocess.run(["ffmpeg", "-v", "error", *source, str(file)], check=True)
            lease = work.Lease(asset="a_1", inputs=[work.Artifact(port="source", path=str(file))])
            config = {name: field["default"] for name, field in json.loads(manifest.config_schema)["properties"].items()}
            return json.loads(run(Attempt(lease), config)["loudness"])["items"]

    def test_a_tone_between_two_silences(self):
        items = self.measured("-f", "lavfi", "-i", "sine=1000:d=2,volume=-6dB,adelay=3000,apad=pad_dur=3")
        self.assertEqual(sum("text" in item for item in items), 2)
        loud = [item for item in items if "lufs" in item]
        # A sine of -18 dBFS (ffmpeg's sine is at 1/8 of full scale) minus 6 dB; R128 gives a mono sine about 3 dB less than its peak.
        self.assertTrue(all(-30 < item["lufs"] < -20 for item in loud), loud)
        self.assertTrue(all(2000 <= item["start_ms"] <= 5000 for item in loud), loud)

    def test_no_sound_in_the_file_is_refused(self):
        with self.assertRaises(StageFailure) as caught:
            self.measured("-f", "lavfi", "-i", "color=d=1", "-f", "avi")
        self.assertEqual(caught.exception.reason, "NOT_DECODABLE")


if __name__ == "__main__":
    unittest.main()
