"""python3 -m unittest discover -s plugins/sdk/python/tests"""

import sys
import unittest
import zipfile
import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from morag_step import (
    CapabilityError, ConvertedDocument, Edge, Failure, Format, Message, Node, Output, Picture, Point, Reading, Refused, from_json, schema_of, step,
)
from morag_step.mock import MockTask


@dataclass
class Inner:
    name: str


@dataclass
class Config:
    least: Annotated[int, {"minimum": 1}] = 1
    kinds: list[Literal["a", "b"]] = field(default_factory=lambda: ["a"])
    ratio: float | None = None
    inner: Inner | None = None
    on: bool = False


@step(
    name="shout", version="0.1.0", summary="Loud", reads=["markdown.md"], reads_if_present=["document.json"],
    writes=[Output("shout.md", "text/markdown", published_as="shout_file_url")], config=Config,
)
def shout(task, config):
    text = task.artifact_text("markdown.md")
    task.report_progress(0, "the host starts there")
    task.report_progress(0.5, "half")
    task.report_progress(0.4, "never back")
    task.report_progress(float("nan"), "nor this")
    task.write_artifact("shout.md", text.upper())
    return {"length": len(text), "least": config.least}


class ConfigTest(unittest.TestCase):
    def test_a_dataclass_becomes_its_schema(self):
        schema = schema_of(Config)
        self.assertEqual(schema["properties"]["least"], {"type": "integer", "minimum": 1, "default": 1})
        self.assertEqual(schema["properties"]["kinds"], {"type": "array", "items": {"enum": ["a", "b"]}, "default": ["a"]})
        self.assertEqual(schema["properties"]["ratio"]["anyOf"], [{"type": "number"}, {"type": "null"}])
        self.assertFalse(schema["additionalProperties"])
        self.assertNotIn("required", schema)
        self.assertEqual(schema_of(Inner)["required"], ["name"])

    def test_json_is_read_with_its_types(self):
        self.assertEqual(from_json(Config, {}), Config())
        read = from_json(Config, {"least": 3, "ratio": 1, "inner": {"name": "x"}, "kinds": ["b"]})
        self.assertEqual(read, Config(least=3, ratio=1.0, inner=Inner("x"), kinds=["b"]))

    def test_what_does_not_fit_is_named_by_its_path(self):
        for value, path in [
            ({"least": "3"}, "config.least"), ({"least": True}, "config.least"), ({"kinds": ["a", "c"]}, "config.kinds[1]"),
            ({"inner": {}}, "config.inner.name"), ({"other": 1}, "config.other"), ({"on": 1}, "config.on"),
        ]:
            with self.subTest(value=value), self.assertRaises(Failure) as caught:
                from_json(Config, value)
            self.assertEqual(caught.exception.code, "CONFIG_INVALID")
            self.assertIn(path, caught.exception.message)


class TaskTest(unittest.TestCase):
    def test_a_step_runs_over_the_mock(self):
        task = MockTask(step=shout, artifacts={"markdown.md": "größe"}, config={"least": 2})
        self.assertEqual(shout(task), {"length": 5, "least": 2})
        self.assertEqual(task.files["shout.md"], "GRÖSSE".encode())
        self.assertEqual(task.progress, [(0.5, "half")])

    def test_a_missing_or_odd_input_is_a_failure(self):
        for artifacts, code in [({}, "INPUT_MISSING"), ({"markdown.md": b"\xff"}, "INPUT_INVALID")]:
            with self.assertRaises(Failure) as caught:
                shout(MockTask(step=shout, artifacts=artifacts))
            self.assertEqual(caught.exception.code, code)

    def test_only_what_is_declared_is_there(self):
        task = MockTask(step=shout, artifacts={"secret.md": "x"})
        self.assertIsNone(task.artifact("secret.md"))
        with self.assertRaises(Failure) as caught:
            task.write_artifact("other.md", "x")
        self.assertEqual(caught.exception.code, "ARTIFACT_UNDECLARED")

        with self.assertRaises(Failure) as caught:
            task.kv.get("key")
        self.assertEqual(caught.exception.code, "CAPABILITY_NOT_IMPORTED")

    def test_files_of_a_pattern_are_declared(self):
        pages = Output("page-*.png", "image/png")
        for name in ["page-1.png", "page-a.b_C.png", "page-.png.png"]:
            self.assertTrue(pages.takes(name), name)
        for name in ["page-.png", "page-1.jpg", "page-a/b.png", "page-*.png", "page-1.png\n", f"page-{'1' * 56}.png"]:
            self.assertFalse(pages.takes(name), name)
        self.assertFalse(Output("*.png", "image/png").takes(".a.png"))

        @step(name="pages", version="1.0.0", summary="Writes pages", writes=[pages])
        def write(task):
            task.write_artifact("page-1.png", b"1")
            task.write_artifact("image-1.png", b"1")

        task = MockTask(step=write)
        with self.assertRaises(Failure) as caught:
            write(task)
        self.assertEqual((caught.exception.code, list(task.files)), ("ARTIFACT_UNDECLARED", ["page-1.png"]))

    def test_a_writer_whose_block_raises_leaves_nothing(self):
        task = MockTask()
        with self.assertRaises(ValueError):
            with task.create_artifact("a.md") as writer:
                writer.write("half")
                raise ValueError
        self.assertEqual(task.files, {})

    def test_large_files_pass_in_pieces(self):
        content = bytes(range(256)) * 10_000
        task = MockTask(content)
        self.assertEqual(task.source().bytes(), content)
        self.assertEqual(b"".join(task.source().pieces(1000)), content)
        self.assertEqual(task.source().read(len(content) - 2, 10), content[-2:])

    def test_a_blob_is_a_python_file(self):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("a.txt", "inside")
        with zipfile.ZipFile(MockTask(packed.getvalue()).source().open()) as archive:
            self.assertEqual(archive.read("a.txt"), b"inside")

    def test_a_temporary_file_is_no_artifact(self):
        task = MockTask(step=shout)
        self.assertIsNone(task.temporary_file("sound.wav"))
        with task.write_temporary_file("sound.wav", "audio/wav", b"sound") as file:
            self.assertEqual((file.bytes(), file.media_type), (b"sound", "audio/wav"))
        self.assertEqual((task.files, task.temporary_files), ({}, {"sound.wav": b"sound"}))
        with self.assertRaises(ValueError):
            with task.create_temporary_file("half", "text/plain") as writer:
                writer.write("half")
                raise ValueError
        self.assertIsNone(task.temporary_file("half"))
        for name in ["", ".hidden", "a/b", "Upper", "n" * 65]:
            with self.subTest(name=name), self.assertRaises(Failure) as caught:
                task.create_temporary_file(name, "text/plain")
            self.assertEqual(caught.exception.code, "ARTIFACT_UNDECLARED")


class FormatTest(unittest.TestCase):
    def test_a_format_that_the_host_would_refuse_is_refused(self):
        Format("kvtxt", ["application/x-kvtxt"], ["kvt"])
        for wrong in [("Kvtxt",), ("",), ("n" * 17,), ("a", ["Text/Plain"]), ("a", ["text/plain; charset=utf-8"]), ("a", [], [".a"]),
                      ("a", "text/plain"), ("a", ["text/plain"] * 17)]:
            with self.subTest(wrong=wrong), self.assertRaises(ValueError):
                Format(*wrong)


class CapabilityTest(unittest.TestCase):
    def test_key_values_are_paged_and_limited(self):
        task = MockTask(kv={f"n/{place:04}": b"" for place in range(600)})
        task.kv.set("other", "text")
        self.assertEqual(len(list(task.kv.keys("n/"))), 600)
        self.assertEqual((task.kv.get("other"), task.kv.get_text("other")), (b"text", "text"))
        self.assertIsNone(task.kv.get_text("none"))
        task.kv.delete("other")
        self.assertIsNone(task.kv.get("other"))
        for key, value, kind in [("", b"", "invalid"), ("a\n", b"", "invalid"), ("k", bytes(65537), "limit")]:
            with self.assertRaises(CapabilityError) as caught:
                task.kv.set(key, value)
            self.assertEqual(caught.exception.kind, kind)

    def test_items_are_sent_in_batches(self):
        task = MockTask()
        vectors = task.embeddings.embed([f"t {place}" for place in range(300)])
        self.assertEqual(task.vectors.put("mock-2", [Point(str(n), "t", v) for n, v in enumerate(vectors)]), 300)
        task.graph.put_nodes([Node("a", "A", "person"), Node("b", "B", "person")])
        self.assertEqual(task.graph.put_edges([Edge("a", "b", "knows")]), 1)
        with self.assertRaises(CapabilityError):
            task.graph.put_edges([Edge("a", "c", "knows")])

    def test_answers_come_in_order_and_then_the_budget_is_used_up(self):
        task = MockTask(completions=["one", CapabilityError("unavailable", "away")])
        self.assertEqual(task.completions.complete("ask").text, "one")
        with self.assertRaises(CapabilityError) as caught:
            task.completions.complete([Message("user", "again")])
        self.assertTrue(caught.exception.retryable)
        with self.assertRaises(CapabilityError) as caught:
            task.completions.complete("more")
        self.assertEqual(caught.exception.code, "CAPABILITY_LIMIT")

    def test_secrets_and_transcripts(self):
        task = MockTask(b"sound", secrets={"TOKEN": "t"}, transcripts=lambda audio: audio.decode() + "!")
        self.assertEqual(task.secrets.get("TOKEN"), "t")
        self.assertEqual(task.transcription.transcribe(task.source()).text, "sound!")
        with self.assertRaises(CapabilityError):
            task.secrets.get("OTHER")

    def test_a_step_is_told_the_model_that_transcribes_or_that_there_is_none(self):
        self.assertEqual(MockTask().transcription.model(), "mock")
        self.assertEqual(MockTask(transcription_model="whisper").transcription.model(), "whisper")
        task = MockTask(b"sound", transcription_model=None, transcripts=["said"])
        for asked in (task.transcription.model, lambda: task.transcription.transcribe(task.source())):
            with self.assertRaises(CapabilityError) as caught:
                asked()
            self.assertEqual(caught.exception.kind, "unavailable")

    def test_inner_documents_are_converted_or_refused(self):
        refused = Refused("UNSUPPORTED_FORMAT", "no")
        task = MockTask(conversions=lambda name, content: content.decode().upper() if name.endswith(".txt") else refused)
        file = task.write_temporary_file("one", "application/octet-stream", "hello")
        self.assertEqual(task.conversion.convert(file, "a.txt"), ConvertedDocument("HELLO", {}, "mock"))
        self.assertEqual(task.conversion.convert(file, "a.bin"), refused)
        with self.assertRaises(CapabilityError) as caught:
            MockTask().conversion.convert(file, "a.txt")
        self.assertEqual(caught.exception.kind, "limit")

    def test_pictures_are_read_and_must_be_as_large_as_they_say(self):
        task = MockTask(readings=["Total\n12.50", Reading(turned=90)])
        picture = Picture(16, 20, bytes(320))
        read = task.ocr.read(picture)
        self.assertEqual(read.text, "Total\n12.50")
        self.assertEqual(read.lines[1].corners[2], (50.0, 50.0))
        self.assertEqual(task.ocr.read(Picture(16, 16, bytes(768), "rgb8")).turned, 90)
        self.assertEqual(task.ocr.model().scripts, ["Latn"])
        for wrong in [Picture(15, 16, bytes(240)), Picture(16, 16, bytes(255)), Picture(16_385, 16, bytes(16_385 * 16)),
                      Picture(16, 16, bytes(256), "rgb8"), Picture(16_384, 16_384, b"")]:
            with self.subTest(wrong=(wrong.width, wrong.height)), self.assertRaises(CapabilityError) as caught:
                task.ocr.read(wrong)
            self.assertEqual(caught.exception.kind, "invalid")


if __name__ == "__main__":
    unittest.main()
