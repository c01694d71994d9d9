import unittest

from stage import in_words


class InWords(unittest.TestCase):
    def test_films_up_to_twenty_minutes_are_short(self):
        self.assertEqual(in_words(11_400), "short film of 11 seconds")
        self.assertEqual(in_words(600_000), "short film of 10 minutes")
        self.assertEqual(in_words(5_400_000), "long film of 90 minutes")


if __name__ == "__main__":
    unittest.main()
