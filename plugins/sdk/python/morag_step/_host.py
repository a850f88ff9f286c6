"""The real host, on the bindings that componentize-py makes for the project's own world. Imported inside a component only.

A world has only the interfaces of the capabilities in ``plugin.toml``: those that it lacks are looked for once, here, while
the component is built, for nothing can be imported later.
"""

from __future__ import annotations

import importlib
import json
from typing import Any

from componentize_py_types import Err  # type: ignore[import-not-found]
from wit_world.imports import log as wit_log  # type: ignore[import-not-found]
from wit_world.imports import task as wit  # type: ignore[import-not-found]

from ._capabilities import Completion, Segment, Transcript
from ._conversion import ConvertedDocument, Refused
from ._failure import CapabilityError, Failure
from ._ocr import Corner, OcrModel, Reading, TextLine
from ._task import Info, Level


def _interface(name: str) -> Any:
    try:
        return importlib.import_module(f"wit_world.imports.{name}")
    except ImportError:
        return None


_NAMES = ("embeddings", "vectors", "graph", "completions", "transcription", "kv", "secrets", "conversion", "ocr")
_interfaces = {name: found for name in _NAMES if (found := _interface(name)) is not None}

#: Capabilities that this component imports.
imported = tuple(_interfaces)

_LEVELS = {
    Level.TRACE: wit_log.Level.TRACE,
    Level.DEBUG: wit_log.Level.DEBUG,
    Level.INFO: wit_log.Level.INFO,
    Level.WARN: wit_log.Level.WARN,
    Level.ERROR: wit_log.Level.ERROR,
}


def _file_failure(error: Any) -> Failure:
    if isinstance(error, wit.FileError_Undeclared):
        return Failure("ARTIFACT_UNDECLARED", f"{error.value} is not among the outputs the step declares")
    if isinstance(error, wit.FileError_Limit):
        return Failure("PLUGIN_OUTPUT_LIMIT", error.value)
    if isinstance(error, wit.FileError_Unavailable):
        return Failure.unavailable(error.value)
    return Failure("ARTIFACT_CLOSED", "the file was finished already")


class _Guarded:
    """Calls of an interface, with its errors as a Failure."""

    def __init__(self, target: Any, failure: Any) -> None:
        self._target = target
        self._failure = failure

    def __getattr__(self, name: str) -> Any:
        function = getattr(self._target, name)

        def call(*arguments: Any) -> Any:
            try:
                return function(*arguments)
            except Err as error:
                failure = self._failure(error.value)
            raise failure

        return call


class _Resource(_Guarded):
    """A blob or a writer; `drop` gives the handle back."""

    def __init__(self, target: Any) -> None:
        super().__init__(target, _file_failure)

    def drop(self) -> None:
        self._target.__exit__(None, None, None)


def _capability_error(error: Any) -> CapabilityError:
    kind = type(error).__name__.removeprefix("Error_").lower()
    return CapabilityError(kind, error.value)


def _text(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _object(text: str) -> dict[str, Any]:
    """A JSON object that another component wrote; empty where it is none."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


class _Adapter:
    def __init__(self, interface: Any) -> None:
        self._wit = interface
        self._call = _Guarded(interface, _capability_error)


class _Embeddings(_Adapter):
    def model(self) -> tuple[str, int]:
        model = self._wit.model()
        return model.name, model.dimensions

    def embed(self, texts: list[str]) -> list[list[float]]:
        return self._call.embed(texts)


class _Vectors(_Adapter):
    def put(self, model: str, points: list[Any]) -> int:
        return self._call.put(model, [self._wit.Point(p.id, p.text, p.vector, _text(p.payload)) for p in points])


class _Graph(_Adapter):
    def put_nodes(self, nodes: list[Any]) -> int:
        made = [self._wit.Node(n.key, n.name, n.kind, n.mentions, _text(n.properties)) for n in nodes]
        return self._call.put_nodes(made)

    def put_edges(self, edges: list[Any]) -> int:
        return self._call.put_edges([self._wit.Edge(e.source, e.target, e.kind, _text(e.properties)) for e in edges])

    def put_facts(self, facts: list[Any]) -> int:
        made = [self._wit.Fact(f.subject, f.predicate, f.object, _text(f.properties)) for f in facts]
        return self._call.put_facts(made)


class _Completions(_Adapter):
    def complete(self, messages: list[Any], max_tokens: Any, temperature: Any, schema: Any) -> Completion:
        turns = [self._wit.Message(self._wit.Role[m.role.upper()], m.content) for m in messages]
        options = self._wit.Options(max_tokens, temperature, None if schema is None else _text(schema))
        answer = self._call.complete(turns, options)
        return Completion(answer.text, answer.model, answer.input_tokens, answer.output_tokens, answer.truncated)


class _Transcription(_Adapter):
    def model(self) -> str:
        return self._call.model()

    def transcribe(self, audio: Any, language: str | None) -> Transcript:
        found = self._call.transcribe(audio._target, language)
        segments = [Segment(one.start_ms, one.end_ms, one.text) for one in found.segments]
        return Transcript(found.text, found.language, found.duration_ms, segments)


class _Conversion(_Adapter):
    def convert(self, document: Any, name: str) -> ConvertedDocument | Refused:
        outcome = self._call.convert(document._target, name)
        value = outcome.value
        if isinstance(outcome, self._wit.Outcome_Refused):
            return Refused(value.code, value.message)
        return ConvertedDocument(value.markdown, _object(value.document), value.component)


class _Ocr(_Adapter):
    def model(self) -> OcrModel:
        model = self._call.model()
        return OcrModel(model.name, list(model.scripts))

    def read(self, picture: Any) -> Reading:
        layout = self._wit.PixelFormat[picture.format.upper()]
        found = self._call.read(self._wit.Picture(picture.width, picture.height, layout, picture.pixels))
        return Reading([_line(line) for line in found.lines], found.turned, found.truncated)


def _line(line: Any) -> TextLine:
    corners = (line.top_left, line.top_right, line.bottom_right, line.bottom_left)
    return TextLine(line.text, line.confidence, line.density, tuple(Corner(corner.x, corner.y) for corner in corners))


_ADAPTERS = {
    "embeddings": _Embeddings,
    "vectors": _Vectors,
    "graph": _Graph,
    "completions": _Completions,
    "transcription": _Transcription,
    "conversion": _Conversion,
    "ocr": _Ocr,
}


class WitHost:
    """The host of the component; see :class:`morag_step._task.Host`."""

    def info(self) -> Info:
        info = wit.info()
        fields = {name: getattr(info, name) for name in Info.__dataclass_fields__}
        fields["options"] = json.loads(info.options)
        fields["metadata"] = json.loads(info.metadata)
        return Info(**fields)

    def config(self) -> dict[str, Any]:
        return json.loads(wit.config())

    def source(self) -> Any:
        return _Resource(wit.source())

    def artifact(self, name: str) -> Any:
        blob = wit.artifact(name)
        return None if blob is None else _Resource(blob)

    def create_artifact(self, name: str) -> Any:
        return _Resource(_Guarded(wit, _file_failure).create_artifact(name))

    def create_temporary_file(self, name: str, media_type: str) -> Any:
        return _Resource(_Guarded(wit, _file_failure).create_temporary_file(name, media_type))

    def temporary_file(self, name: str) -> Any:
        blob = wit.temporary_file(name)
        return None if blob is None else _Resource(blob)

    def report_progress(self, fraction: float, message: str) -> None:
        wit.report_progress(fraction, message)

    def elapsed_ms(self) -> int:
        return wit.elapsed_ms()

    def log(self, level: Level, message: str) -> None:
        wit_log.log(_LEVELS[level], message)

    def capability(self, name: str) -> Any:
        interface = _interfaces.get(name)
        if interface is None:
            raise Failure(
                "CAPABILITY_NOT_IMPORTED",
                f'the step uses {name}: add "{name}" to capabilities in its plugin.toml and build it again',
            )
        adapter = _ADAPTERS.get(name)
        return _Guarded(interface, _capability_error) if adapter is None else adapter(interface)
