"""PYTHONPATH=.morag/sdk/python python3 -m unittest"""

import json
import unittest
from pathlib import Path

from morag_step import Failure
from morag_step.mock import MockTask

from scanner import scan
from step import redact

CASES = Path(__file__).resolve().parents[1] / "tests"


class RedactTest(unittest.TestCase):
    def test_the_golden_cases_hold_without_wasm_too(self):
        for case in sorted(CASES.iterdir()):
            settings = case / "case.json"
            config = json.loads(settings.read_text())["config"] if settings.exists() else {}
            markdown = (case / "artifacts" / "markdown.md").read_bytes()
            task = MockTask(step=redact, artifacts={"markdown.md": markdown}, config=config)
            with self.subTest(case=case.name):
                redact(task)
                for name in ("redacted.md", "redactions.json"):
                    self.assertEqual(task.files[name], (case / "expected" / "artifacts" / name).read_bytes())
                self.assertEqual(len(task.files["redacted.md"]), len(markdown))

    def test_an_unknown_kind_is_named_by_its_path(self):
        with self.assertRaises(Failure) as caught:
            redact(MockTask(artifacts={"markdown.md": ""}, config={"kinds": ["email", "name"]}))
        self.assertIn("config.kinds[1]", caught.exception.message)

    def test_a_finding_of_an_earlier_pass_is_not_found_again(self):
        text = b"DE89 3704 0044 0532 0130 00"
        self.assertEqual([len(found) for _, found in scan(text, {"iban", "phone"})], [1, 0])
        # Without the IBANs the same digits look like a phone number with a leading zero.
        self.assertEqual([len(found) for _, found in scan(text, {"phone"})], [1])


if __name__ == "__main__":
    unittest.main()
