"""PYTHONPATH=.morag/sdk/python python3 -m unittest"""

import unittest

from morag_step import Failure
from morag_step.mock import MockTask

from step import BYTES_MAX, convert


class ConvertTest(unittest.TestCase):
    def test_lines_become_a_table(self):
        task = MockTask("\ufeffname = A|B\r\n\n# no row\nno key\n= none\nsum = 1 = 1", step=convert)
        self.assertEqual(convert(task)["conversion_metadata"]["content_length"], 62)
        table = "| Key | Value |\n| --- | --- |\n| name | A\\|B |\n| sum | 1 = 1 |\n"
        self.assertEqual(task.files["markdown.md"].decode(), table)
        self.assertEqual(len(task.lines), 1)

    def test_what_is_not_ours_is_passed_on(self):
        for source in ["", "a letter", b"a = \xff", b"a = \0"]:
            with self.subTest(source=source), self.assertRaises(Failure) as caught:
                convert(MockTask(source, step=convert))
            self.assertEqual(caught.exception.code, "UNSUPPORTED_FORMAT")

    def test_a_large_document_is_refused(self):
        with self.assertRaises(Failure) as caught:
            convert(MockTask(b" " * (BYTES_MAX + 1), step=convert))
        self.assertEqual(caught.exception.code, "DOCUMENT_TOO_LARGE")


if __name__ == "__main__":
    unittest.main()
