"""PYTHONPATH=.morag/sdk/python python3 -m unittest"""

import unittest

from morag_step import Failure
from morag_step.mock import MockTask

from step import count_words


class CountWordsTest(unittest.TestCase):
    def test_words_are_counted(self):
        task = MockTask(step=count_words, artifacts={"markdown.md": "one two three"})
        self.assertEqual(count_words(task), {"words": 3})
        self.assertEqual(task.files["word_count.json"], b'{"words":3,"longest":"three"}\n')

    def test_a_document_without_markdown_is_a_failure(self):
        with self.assertRaises(Failure) as caught:
            count_words(MockTask(step=count_words))
        self.assertEqual(caught.exception.code, "INPUT_MISSING")


if __name__ == "__main__":
    unittest.main()
