"""A host in memory, for unit tests of a step in plain Python::

    task = MockTask(artifacts={"markdown.md": "one two"}, config={"least_letters": 3})
    assert word_count(task) == {"words": 2}
    assert task.files["word_count.json"] == b"..."

It keeps the host's rules that a step can break: declared names (where ``step`` is given), sizes of calls, limits of keys.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable, Iterable
from typing import Any

from ._capabilities import ITEMS, Completion, Message, Transcript
from ._conversion import ConvertedDocument, Refused
from ._descriptor import Step
from ._failure import CapabilityError, Failure
from ._ocr import Corner, OcrModel, Picture, Reading, TextLine
from ._task import PIECE, Info, Level, Task


#: Sides and pixels of a picture; as on the host.
SIDE_MIN, SIDE_MAX, PIXELS_MAX = 16, 16_384, 16 << 20


class _Blob:
    def __init__(self, content: bytes, media_type: str) -> None:
        self.content = content
        self._media_type = media_type

    def size(self) -> int:
        return len(self.content)

    def media_type(self) -> str:
        return self._media_type

    def read(self, offset: int, len: int) -> bytes:
        return self.content[offset : offset + min(len, PIECE)]

    def drop(self) -> None:
        pass


class _Writer:
    def __init__(self, name: str, files: dict[str, bytes]) -> None:
        self._name, self._files = name, files
        self._content = bytearray()
        self._closed = False

    def write(self, bytes: bytes) -> None:
        if self._closed:
            raise Failure("ARTIFACT_CLOSED", "the file was finished already")
        self._content += bytes

    def finish(self) -> None:
        if self._closed:
            raise Failure("ARTIFACT_CLOSED", "the file was finished already")
        self._closed = True
        self._files[self._name] = bytes(self._content)

    def drop(self) -> None:
        self._closed = True


def _batch(items: list[Any]) -> int:
    if len(items) > ITEMS:
        raise CapabilityError("limit", f"at most {ITEMS} items a call")
    return len(items)


class MockStore:
    """Embeddings, vectors and graph in memory. The model has two dimensions: length of the text and its number of spaces."""

    def __init__(self) -> None:
        self.points: list[Any] = []
        self.nodes: list[Any] = []
        self.edges: list[Any] = []
        self.facts: list[Any] = []

    def model(self) -> tuple[str, int]:
        return "mock-2", 2

    def embed(self, texts: list[str]) -> list[list[float]]:
        if _batch(texts) and sum(len(text.encode()) for text in texts) > 1 << 20:
            raise CapabilityError("limit", "at most 1 MiB of text a call")
        return [[float(len(text)), float(text.count(" "))] for text in texts]

    def put(self, model: str, points: list[Any]) -> int:
        self.points += points
        return _batch(points)

    def put_nodes(self, nodes: list[Any]) -> int:
        self.nodes += nodes
        return _batch(nodes)

    def put_edges(self, edges: list[Any]) -> int:
        known = {node.key for node in self.nodes}
        for edge in edges:
            if missing := {edge.source, edge.target} - known:
                raise CapabilityError("invalid", f"no node has the key {sorted(missing)[0]}")
        self.edges += edges
        return _batch(edges)

    def put_facts(self, facts: list[Any]) -> int:
        self.facts += facts
        return _batch(facts)


class _KeyValues:
    def __init__(self, values: dict[str, bytes]) -> None:
        self.values = values

    def _checked(self, key: str) -> str:
        if not 1 <= len(key.encode()) <= 255 or any(ord(letter) < 32 or ord(letter) == 127 for letter in key):
            raise CapabilityError("invalid", "a key has 1 to 255 bytes without control characters")
        return key

    def get(self, key: str) -> bytes | None:
        return self.values.get(self._checked(key))

    def set(self, key: str, value: bytes) -> None:
        if len(value) > 1 << 16:
            raise CapabilityError("limit", "at most 64 KiB a value")
        self.values[self._checked(key)] = value

    def delete(self, key: str) -> None:
        self.values.pop(self._checked(key), None)

    def keys(self, prefix: str, after: str | None) -> list[str]:
        later = [key for key in self.values if key.startswith(prefix) and (after is None or key.encode() > after.encode())]
        return sorted(later, key=str.encode)[:ITEMS]


class _Secrets:
    def __init__(self, values: dict[str, str]) -> None:
        self._values = values

    def get(self, name: str) -> str:
        if name not in self._values:
            raise CapabilityError("invalid", f"no secret {name} is granted")
        return self._values[name]


class _Answers:
    def __init__(self, answers: Any) -> None:
        self._answers = answers if callable(answers) else iter(answers)

    def _next(self, *asked: Any) -> Any:
        if callable(self._answers):
            return self._answers(*asked)
        try:
            answer = next(self._answers)
        except StopIteration:
            raise CapabilityError("limit", "the mock has no more answers") from None
        if isinstance(answer, Exception):
            raise answer
        return answer

    def complete(self, messages: list[Message], max_tokens: Any, temperature: Any, schema: Any) -> Completion:
        answer = self._next(messages)
        return Completion(answer, "mock") if isinstance(answer, str) else answer

    def convert(self, document: Any, name: str) -> ConvertedDocument | Refused:
        answer = self._next(name, document.content)
        return ConvertedDocument(answer, component="mock") if isinstance(answer, str) else answer


class _Transcription:
    """Hears what the test says; without a model it is as where no service is set up."""

    def __init__(self, answers: Any, model: str | None) -> None:
        self._answers, self._model = _Answers(answers), model

    def model(self) -> str:
        if self._model is None:
            raise CapabilityError("unavailable", "the mock has no service for transcription")
        return self._model

    def transcribe(self, audio: Any, language: str | None) -> Transcript:
        self.model()
        answer = self._answers._next(audio.content)
        return Transcript(answer) if isinstance(answer, str) else answer


class _Ocr:
    """Reads what the test says; a picture must be as large as it says."""

    def __init__(self, answers: Any) -> None:
        self._answers = _Answers(answers)

    def model(self) -> OcrModel:
        return OcrModel("mock", ["Latn"])

    def read(self, picture: Picture) -> Reading:
        width, height, area = picture.width, picture.height, picture.width * picture.height
        if not (SIDE_MIN <= min(width, height) and max(width, height) <= SIDE_MAX and area <= PIXELS_MAX):
            raise CapabilityError("invalid", "a picture has sides of 16 to 16,384 pixels and at most 16 Mi")
        wanted = area * {"gray8": 1, "rgb8": 3}[picture.format]
        if len(picture.pixels) != wanted:
            raise CapabilityError("invalid", f"the picture has {wanted} bytes of pixels")
        answer = self._answers._next(picture)
        return Reading([_line(*place) for place in enumerate(answer.split("\n"))]) if isinstance(answer, str) else answer


def _line(row: int, text: str) -> TextLine:
    top, right = row * 30.0, len(text) * 10.0
    return TextLine(text, 0.99, 2.0, (Corner(0.0, top), Corner(right, top), Corner(right, top + 20.0), Corner(0.0, top + 20.0)))


class _Host:
    def __init__(self, step: Step | None, source: bytes, info: Info, config: dict[str, Any]) -> None:
        self._step = step and step.descriptor
        self._source, self._info, self._config = source, info, config
        self.files: dict[str, bytes] = {}
        self.temporary: dict[str, bytes] = {}
        self.media_types: dict[str, str] = {}
        self.progress: list[tuple[float, str]] = []
        self.lines: list[tuple[Level, str]] = []
        self.capabilities: dict[str, Any] = {}

    def info(self) -> Info:
        return self._info

    def config(self) -> dict[str, Any]:
        # Through JSON, as in a component: what is no JSON is found here.
        return json.loads(json.dumps(self._config))

    def source(self) -> _Blob:
        return _Blob(self._source, self._info.media_type)

    def artifact(self, name: str) -> _Blob | None:
        declared = self._step is None or name in (*self._step.reads, *self._step.reads_if_present)
        content = self.files.get(name) if declared else None
        return None if content is None else _Blob(content, "application/octet-stream")

    def create_artifact(self, name: str) -> _Writer:
        if self._step is not None and not any(output.takes(name) for output in self._step.writes):
            raise Failure("ARTIFACT_UNDECLARED", f"{name} is not among the outputs the step declares")
        return _Writer(name, self.files)

    def create_temporary_file(self, name: str, media_type: str) -> _Writer:
        if not re.fullmatch("[a-z0-9_-][a-z0-9._-]{0,63}", name):
            raise Failure("ARTIFACT_UNDECLARED", f"{name} is not among the outputs the step declares")
        self.media_types[name] = media_type
        return _Writer(name, self.temporary)

    def temporary_file(self, name: str) -> _Blob | None:
        content = self.temporary.get(name)
        return None if content is None else _Blob(content, self.media_types[name])

    def report_progress(self, fraction: float, message: str) -> None:
        # As the host: it has been told 0 already, and progress only rises.
        reported = self.progress[-1][0] if self.progress else 0.0
        if math.isfinite(fraction) and min(fraction, 1.0) > reported:
            self.progress.append((min(fraction, 1.0), message[:200]))

    def elapsed_ms(self) -> int:
        return 0

    def log(self, level: Level, message: str) -> None:
        self.lines.append((level, message))

    def capability(self, name: str) -> Any:
        if self._step is not None and name not in self._step.capabilities:
            raise Failure("CAPABILITY_NOT_IMPORTED", f'the step uses {name}: add "{name}" to capabilities in its @step')
        return self.capabilities[name]


class MockTask(Task):
    """A task in memory.

    ``completions``, ``transcripts``, ``conversions`` and ``readings`` are answers in order (texts, :class:`Completion`,
    :class:`Transcript`, :class:`ConvertedDocument` or :class:`Refused`, :class:`Reading`, or exceptions to raise), or a function of
    what is asked: messages, the sound, name and bytes of a document, a :class:`Picture`. ``transcription_model`` is the name of the model
    that transcribes; ``None`` is as where the operator has set no service up. With ``step`` only what that step declares is there.
    """

    def __init__(
        self,
        source: bytes | str = b"",
        *,
        step: Step | None = None,
        artifacts: dict[str, bytes | str] | None = None,
        config: dict[str, Any] | None = None,
        info: Info | None = None,
        secrets: dict[str, str] | None = None,
        kv: dict[str, bytes] | None = None,
        completions: Iterable[Any] | Callable[..., Any] = (),
        transcripts: Iterable[Any] | Callable[..., Any] = (),
        transcription_model: str | None = "mock",
        conversions: Iterable[Any] | Callable[..., Any] = (),
        readings: Iterable[Any] | Callable[..., Any] = (),
    ) -> None:
        source = source.encode() if isinstance(source, str) else source
        info = info or Info()
        info.size, info.sha256 = len(source), hashlib.sha256(source).hexdigest()
        host = _Host(step, source, info, config or {})
        for name, content in (artifacts or {}).items():
            host.files[name] = content.encode() if isinstance(content, str) else content
        super().__init__(host)
        #: Artifacts by name: those given, and those the step has finished.
        self.files = host.files
        #: Temporary files that the step has finished, by name.
        self.temporary_files = host.temporary
        #: Every progress report that the host would have kept.
        self.progress = host.progress
        #: Every log line.
        self.lines = host.lines
        #: What was staged.
        self.store = MockStore()
        #: Keys and values.
        self.values = dict(kv or {})
        host.capabilities = {
            "embeddings": self.store,
            "vectors": self.store,
            "graph": self.store,
            "completions": _Answers(completions),
            "transcription": _Transcription(transcripts, transcription_model),
            "conversion": _Answers(conversions),
            "ocr": _Ocr(readings),
            "kv": _KeyValues(self.values),
            "secrets": _Secrets(secrets or {}),
        }
