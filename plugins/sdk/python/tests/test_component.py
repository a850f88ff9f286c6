"""The entry of a component, on stand-ins for the modules that componentize-py makes.

python3 -m unittest discover -s plugins/sdk/python/tests
"""

import enum
import importlib
import json
import logging
import sys
import types
import unittest
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from morag_step import ConvertedDocument, Corner, Failure, Format, Output, Picture, Refused
from morag_step._descriptor import registered, step


class Err(Exception):
    def __init__(self, value):
        self.value = value


@dataclass
class Texts:
    value: str


class Undeclared(Texts):
    pass


class Error_Unavailable(Texts):
    pass


class Record:
    """Any record of the bindings: its fields in order."""

    def __init__(self, *fields):
        self.fields = fields


class Blob:
    """A handle as the bindings give it: leaving it twice is an error, as theirs is."""

    def __init__(self, content, left):
        self.content, self.left, self.open = content, left, True

    def size(self):
        return len(self.content)

    def read(self, offset, length):
        return self.content[offset : offset + length]

    def __exit__(self, *arguments):
        assert self.open
        self.open = False
        self.left.append(self)


class Value:
    """A case of a variant."""

    def __init__(self, value):
        self.value = value


class Case_Refused(Value):
    pass


class PixelFormat(enum.Enum):
    GRAY8, RGB8 = range(2)


class Level(enum.Enum):
    TRACE, DEBUG, INFO, WARN, ERROR = range(5)


def module(name, **members):
    made = types.ModuleType(name)
    for key, value in members.items():
        setattr(made, key, value)
    sys.modules[name] = made
    return made


def raising(value):
    def call(*arguments):
        raise Err(value)

    return call


class ComponentTest(unittest.TestCase):
    """Each test makes the component of its own step anew, and takes the stand-ins away afterwards."""

    def setUp(self):
        self.before = set(sys.modules)
        self.streams = sys.stdout, sys.stderr
        self.handlers = list(logging.getLogger().handlers)
        self.lines = []
        module("componentize_py_types", Err=Err)
        for name in ("wit_world", "wit_world.imports", "wit_world.exports"):
            module(name).__path__ = []
        log = module("wit_world.imports.log", Level=Level, log=lambda level, text: self.lines.append((level.name, text)))
        none = type("none", (), {})
        task = module(
            "wit_world.imports.task",
            FileError_Undeclared=Undeclared, FileError_Limit=none, FileError_Unavailable=none,
            config=lambda: "{}", artifact=lambda name: None, create_artifact=raising(Undeclared("b.md")),
        )
        sys.modules["wit_world.imports"].log, sys.modules["wit_world.imports"].task = log, task
        module("wit_world.imports.kv", get=raising(Error_Unavailable("away")))
        names = ("ArtifactInput", "ArtifactOutput", "Descriptor", "Outcome", "Failure")
        exports = module("wit_world.exports.step", **{name: type(name, (Record,), {}) for name in names})
        sys.modules["wit_world.exports"].step = exports

    def tearDown(self):
        sys.stdout, sys.stderr = self.streams
        logging.getLogger().handlers = self.handlers
        registered.clear()
        for name in set(sys.modules) - self.before | {"step", "morag_step.component", "morag_step._host"}:
            sys.modules.pop(name, None)

    def component(self, function):
        return self.entry(function).Step()

    def entry(self, function, formats=()):
        registered.clear()
        outputs = [Output("b.md", "text/markdown")]
        step(name="probe", version="1.0.0", summary="s", reads=["a.md"], writes=outputs, formats=formats)(function)
        module("step")
        sys.modules.pop("morag_step.component", None)
        return importlib.import_module("morag_step.component")

    def data(self, function):
        return json.loads(self.component(function).run().fields[0])

    def failure(self, function):
        with self.assertRaises(Err) as caught:
            self.component(function).run()
        code, message, details, retryable = caught.exception.value.fields
        return code, message, json.loads(details), retryable

    def test_a_component_says_what_it_is_and_what_it_imports(self):
        name, version, summary, inputs, outputs, capabilities, schema = self.component(lambda task: None).describe().fields
        self.assertEqual((name, version, summary, capabilities, schema), ("probe", "1.0.0", "s", ["kv"], "{}"))
        self.assertEqual([one.fields for one in inputs], [("a.md", True)])
        self.assertEqual([one.fields for one in outputs], [("b.md", "text/markdown", None)])

    def test_data_is_json_and_what_is_printed_is_logged(self):
        def chatty(task):
            print("one\ntwo")
            print("half", end="")
            logging.getLogger("me").warning("careful %d", 3)
            return {"größe": 1}

        self.assertEqual(self.component(chatty).run().fields, ('{"größe":1}',))
        self.assertEqual(self.lines, [("INFO", "one"), ("INFO", "two"), ("WARN", "me: careful 3"), ("INFO", "half")])

    def test_failures_are_told_as_they_are(self):
        def own(task):
            raise Failure("ODD", "why", details={"page": 3}, retryable=True)

        self.assertEqual(self.failure(own), ("ODD", "why", {"page": 3}, True))

    def test_artifacts_that_are_read_whole_are_given_back(self):
        left = []
        sys.modules["wit_world.imports.task"].artifact = lambda name: Blob(b"\xff" if name == "bad" else b"1", left)

        def read(task):
            kept = task.artifact("a.md")
            for _ in range(100):
                task.artifact_bytes("a.md"), task.artifact_text("a.md"), task.artifact_json("a.md")
            self.assertEqual(len(left), 300)
            try:
                task.artifact_text("bad")
            except Failure:
                self.assertEqual(len(left), 301)
            with kept:
                self.assertEqual(kept.bytes(), b"1")
            kept.close()
            self.assertEqual(len(left), 302)
            kept.read(0, 1)

        self.assertEqual(self.failure(read)[2], {"exception": "ValueError"})

    def test_errors_of_the_host_are_failures(self):
        self.assertEqual(self.failure(lambda task: task.write_artifact("b.md", "x"))[0], "ARTIFACT_UNDECLARED")

    def test_errors_of_a_capability_are_failures(self):
        code, message, _, retryable = self.failure(lambda task: task.kv.get("k"))
        self.assertEqual((code, message, retryable), ("SERVICE_UNAVAILABLE", "away", True))

    def test_a_capability_that_is_not_imported_is_named(self):
        code, message, _, _ = self.failure(lambda task: task.graph)
        self.assertEqual(code, "CAPABILITY_NOT_IMPORTED")
        self.assertIn('add "graph" to capabilities in its plugin.toml', message)

    def test_what_else_is_raised_becomes_step_error_with_its_place(self):
        def odd(task):
            return {}["missing"]

        code, message, details, retryable = self.failure(odd)
        self.assertEqual((code, details, retryable), ("STEP_ERROR", {"exception": "KeyError"}, False))
        self.assertRegex(message, r"^KeyError: 'missing' \(at test_component\.py:\d+ in odd: return {}\[\"missing\"\]\)$")
        self.assertEqual(self.lines[-1][0], "ERROR")

    def test_leaving_python_and_odd_data_are_step_errors_too(self):
        self.assertEqual(self.failure(lambda task: sys.exit(3))[2], {"exception": "SystemExit"})

    def test_data_that_is_no_json_is_a_step_error(self):
        self.assertEqual(self.failure(lambda task: {"x": float("nan")})[0], "STEP_ERROR")

    def test_a_converter_says_its_formats(self):
        module("wit_world.exports.converter", Format=type("Format", (Record,), {}))
        entry = self.entry(lambda task: None, [Format("kvtxt", ("application/x-kvtxt",), ("kvt",))])
        self.assertEqual([one.fields for one in entry.Converter().formats()], [("kvtxt", ["application/x-kvtxt"], ["kvt"])])

    def test_a_converter_that_is_one_in_half_is_not_built(self):
        with self.assertRaisesRegex(SystemExit, "add converter = true to plugin.toml"):
            self.entry(lambda task: None, [Format("kvtxt")])
        module("wit_world.exports.converter")
        with self.assertRaisesRegex(SystemExit, "takes no formats"):
            self.entry(lambda task: None)

    def test_temporary_files_are_written_and_opened(self):
        class Writer:
            def write(self, data):
                written.append(data)

            def finish(self):
                written.append("finished")

            def __exit__(self, *arguments):
                pass

        written, left, wit = [], [], sys.modules["wit_world.imports.task"]
        wit.create_temporary_file = lambda name, media_type: Writer()
        wit.temporary_file = lambda name: Blob(b"x", left) if "finished" in written else None

        def write(task):
            self.assertIsNone(task.temporary_file("a"))
            with task.write_temporary_file("a", "text/plain", "x") as file:
                return {"read": file.bytes().decode()}

        self.assertEqual(self.data(write), {"read": "x"})
        self.assertEqual((written, len(left)), ([b"x", "finished"], 1))
        wit.create_temporary_file = raising(Undeclared(".x"))
        self.assertEqual(self.failure(lambda task: task.create_temporary_file(".x", "text/plain"))[0], "ARTIFACT_UNDECLARED")

    def test_a_document_is_converted_or_refused(self):
        def record(**fields):
            return types.SimpleNamespace(**fields)

        converted = record(markdown="# A", document='{"format":"txt"}', component="text_conversion")
        outcomes = [
            Value(converted), Value(record(markdown="", document="[" * 100_000, component="odd")),
            Case_Refused(record(code="UNSUPPORTED_FORMAT", message="no")),
        ]
        asked = []
        module(
            "wit_world.imports.conversion", Outcome_Refused=Case_Refused,
            convert=lambda document, name: asked.append((document.content, name)) or outcomes.pop(0),
        )
        sys.modules["wit_world.imports.task"].temporary_file = lambda name: Blob(b"x", [])
        found = []

        def convert(task):
            file = task.temporary_file("a")
            found.extend(task.conversion.convert(file, "a.txt") for _ in range(3))

        self.component(convert).run()
        self.assertEqual(asked, [(b"x", "a.txt")] * 3)
        self.assertEqual(found[0], ConvertedDocument("# A", {"format": "txt"}, "text_conversion"))
        self.assertEqual(found[1], ConvertedDocument("", {}, "odd"))
        self.assertEqual(found[2], Refused("UNSUPPORTED_FORMAT", "no"))

    def test_a_picture_is_read(self):
        point = lambda x, y: types.SimpleNamespace(x=x, y=y)
        line = types.SimpleNamespace(
            text="Total", confidence=0.9, density=2.0,
            top_left=point(0, 0), top_right=point(9, 0), bottom_right=point(9, 5), bottom_left=point(0, 5),
        )
        given, found = [], []
        module(
            "wit_world.imports.ocr", PixelFormat=PixelFormat, Picture=type("Picture", (Record,), {}),
            read=lambda picture: given.append(picture.fields) or types.SimpleNamespace(lines=[line], turned=90, truncated=True),
            model=raising(Error_Unavailable("none is set up")),
        )

        def read(task):
            found.append(task.ocr.read(Picture(16, 16, bytes(768), "rgb8")))
            task.ocr.model()

        self.assertEqual(self.failure(read)[:2], ("SERVICE_UNAVAILABLE", "none is set up"))
        self.assertEqual(given, [(16, 16, PixelFormat.RGB8, bytes(768))])
        self.assertEqual((found[0].text, found[0].turned, found[0].truncated), ("Total", 90, True))
        self.assertEqual(found[0].lines[0].corners, (Corner(0, 0), Corner(9, 0), Corner(9, 5), Corner(0, 5)))

    def test_the_model_that_transcribes_is_asked_for(self):
        found = []
        interface = module("wit_world.imports.transcription", model=lambda: "whisper-1")
        self.component(lambda task: found.append(task.transcription.model())).run()
        self.assertEqual(found, ["whisper-1"])
        interface.model = raising(Error_Unavailable("none is set up"))
        self.assertEqual(self.failure(lambda task: task.transcription.model())[:2], ("SERVICE_UNAVAILABLE", "none is set up"))

    def test_a_project_without_a_step_is_not_built(self):
        module("step")
        registered.clear()
        with self.assertRaisesRegex(SystemExit, "it has 0"):
            importlib.import_module("morag_step.component")


if __name__ == "__main__":
    unittest.main()
