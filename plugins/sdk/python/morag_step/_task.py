"""The task a step runs for: what was submitted, files, progress, log, and the capabilities."""

from __future__ import annotations

import enum
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

from . import _capabilities as capabilities
from ._conversion import Conversion
from ._failure import Failure
from ._ocr import Ocr

#: Bytes that a call to the host carries at most.
PIECE = 1 << 20


@dataclass
class Info:
    """What was submitted; see ``info`` in ``wit/task.wit``."""

    task_id: str = "00000000-0000-4000-8000-000000000000"
    document_id: str = "document"
    #: Run of the task, from 1.
    attempt: int = 1
    file_name: str = "document.md"
    #: As submitted: a hint, never a promise.
    media_type: str = "application/octet-stream"
    #: Bytes of the source.
    size: int = 0
    sha256: str = ""
    #: ``document``, ``audio``, ``video`` or ``image``.
    source_type: str = "document"
    #: ISO 639-1, if the caller gave one.
    language: str | None = None
    collection: str = "documents"
    replace_existing: bool = False
    options: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)


class Level(enum.Enum):
    """Importance of a log line."""

    TRACE = "trace"
    DEBUG = "debug"
    INFO = "info"
    WARN = "warn"
    ERROR = "error"


class RawBlob(Protocol):
    """A blob as the host gives it."""

    def size(self) -> int: ...
    def media_type(self) -> str: ...
    def read(self, offset: int, len: int) -> bytes: ...
    def drop(self) -> None: ...


class RawWriter(Protocol):
    """A writer as the host gives it."""

    def write(self, bytes: bytes) -> None: ...
    def finish(self) -> None: ...
    def drop(self) -> None: ...


class Host(Protocol):
    """What is behind a :class:`Task`: the host in a component, :mod:`morag_step.mock` in unit tests."""

    def info(self) -> Info: ...
    def config(self) -> dict[str, Any]: ...
    def source(self) -> RawBlob: ...
    def artifact(self, name: str) -> RawBlob | None: ...
    def create_artifact(self, name: str) -> RawWriter: ...
    def create_temporary_file(self, name: str, media_type: str) -> RawWriter: ...
    def temporary_file(self, name: str) -> RawBlob | None: ...
    def report_progress(self, fraction: float, message: str) -> None: ...
    def elapsed_ms(self) -> int: ...
    def log(self, level: Level, message: str) -> None: ...
    def capability(self, name: str) -> Any: ...


class Blob:
    """A read-only file with random access. A step holds at most 64 files of the host at once: use it in a ``with``, or
    :meth:`close` it, where there are many."""

    def __init__(self, raw: RawBlob) -> None:
        self._raw = raw
        self._closed = False

    def close(self) -> None:
        """Gives the file back to the host. Reading it is an error from then on; closing it again is none."""
        if not self._closed:
            self._closed = True
            self._raw.drop()

    def __enter__(self) -> Blob:
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        self.close()

    @cached_property
    def size(self) -> int:
        """Size in bytes."""
        return self._raw.size()

    @cached_property
    def media_type(self) -> str:
        """Media type."""
        return self._raw.media_type()

    def read(self, offset: int, length: int) -> bytes:
        """At most ``length`` bytes from ``offset``; shorter only at the end. Longer than a call takes is read in pieces."""
        if self._closed:
            raise ValueError("the file is closed")
        found = bytearray()
        while len(found) < length:
            piece = self._raw.read(offset + len(found), min(length - len(found), PIECE))
            if not piece:
                break
            found += piece
        return bytes(found)

    def pieces(self, length: int = 1 << 16) -> Iterator[bytes]:
        """The file from its beginning to its end, in pieces, so that memory stays small."""
        offset = 0
        while piece := self.read(offset, length):
            yield piece
            offset += len(piece)

    def bytes(self) -> bytes:
        """The whole file, in memory."""
        return self.read(0, self.size)

    def open(self) -> io.BufferedReader:
        """The file as Python's own kind of file, with ``read``, ``seek`` and lines: for ``zipfile``, ``csv``, …"""
        return io.BufferedReader(_RawFile(self), buffer_size=1 << 16)


class _RawFile(io.RawIOBase):
    def __init__(self, blob: Blob) -> None:
        super().__init__()
        self._blob = blob
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._blob.size}[whence]
        if base + offset < 0:
            raise ValueError("a place before the file's beginning")
        self._at = base + offset
        return self._at

    def readinto(self, buffer: Any) -> int:
        found = self._blob.read(self._at, len(buffer))
        buffer[: len(found)] = found
        self._at += len(found)
        return len(found)


class Writer:
    """A file being written. Use it in a ``with``: it is finished at the end of the block, and leaves nothing where the block
    raises."""

    def __init__(self, raw: RawWriter) -> None:
        self._raw = raw

    def write(self, data: bytes | str) -> int:
        """Appends bytes, or text as UTF-8, of any length; returns the number of bytes."""
        data = data.encode() if isinstance(data, str) else bytes(data)
        for start in range(0, len(data), PIECE):
            self._raw.write(data[start : start + PIECE])
        return len(data)

    def finish(self) -> None:
        """Closes the file."""
        self._raw.finish()

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if kind is None:
            self._raw.finish()
        self._raw.drop()


class Task:
    """The task a step runs for. Needs no grant, but for the capabilities."""

    def __init__(self, host: Host) -> None:
        self._host = host

    @cached_property
    def info(self) -> Info:
        """What was submitted."""
        return self._host.info()

    @cached_property
    def config(self) -> dict[str, Any]:
        """The step's configuration, valid by its own schema."""
        return self._host.config()

    @property
    def elapsed_ms(self) -> int:
        """Milliseconds since the step began."""
        return self._host.elapsed_ms()

    def source(self) -> Blob:
        """The document that was submitted."""
        return Blob(self._host.source())

    def artifact(self, name: str) -> Blob | None:
        """An artifact that an earlier step has written; none where it is not there or is not declared in ``reads``."""
        raw = self._host.artifact(name)
        return None if raw is None else Blob(raw)

    def artifact_bytes(self, name: str) -> bytes:
        """An artifact that must exist, whole. Raises ``INPUT_MISSING``."""
        blob = self.artifact(name)
        if blob is None:
            raise Failure("INPUT_MISSING", f"{name} is missing: run the step that writes it before this one")
        with blob:
            return blob.bytes()

    def artifact_text(self, name: str) -> str:
        """An artifact that must exist, as UTF-8 text. Raises ``INPUT_MISSING`` and ``INPUT_INVALID``."""
        try:
            return self.artifact_bytes(name).decode()
        except UnicodeDecodeError as error:
            raise Failure("INPUT_INVALID", f"{name} is not UTF-8 text") from error

    def artifact_json(self, name: str) -> Any:
        """An artifact that must exist, parsed as JSON. Raises ``INPUT_MISSING`` and ``INPUT_INVALID``."""
        try:
            return json.loads(self.artifact_bytes(name))
        except ValueError as error:
            raise Failure("INPUT_INVALID", f"{name} is not what this step reads: {error}") from error

    def create_artifact(self, name: str) -> Writer:
        """Starts an artifact that the descriptor declares."""
        return Writer(self._host.create_artifact(name))

    def write_artifact(self, name: str, data: bytes | str) -> None:
        """Writes a whole artifact; text as UTF-8."""
        with self.create_artifact(name) as writer:
            writer.write(data)

    def write_json(self, name: str, value: Any) -> None:
        """Writes a whole artifact as compact JSON, in the order of the keys as they are, with a line end."""
        self.write_artifact(name, json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n")

    def create_temporary_file(self, name: str, media_type: str) -> Writer:
        """Starts a file that is there for this run alone: one to be converted or transcribed. ``name`` is as an artifact's."""
        return Writer(self._host.create_temporary_file(name, media_type))

    def temporary_file(self, name: str) -> Blob | None:
        """A temporary file that this run has finished."""
        raw = self._host.temporary_file(name)
        return None if raw is None else Blob(raw)

    def write_temporary_file(self, name: str, media_type: str, data: bytes | str) -> Blob:
        """Writes a whole temporary file and opens it; text as UTF-8."""
        with self.create_temporary_file(name, media_type) as writer:
            writer.write(data)
        return Blob(self._host.temporary_file(name))

    def report_progress(self, fraction: float, message: str) -> None:
        """Says how far the step is, from 0 to 1, with a short line for people. At most ten a second."""
        self._host.report_progress(float(fraction), message)

    def log(self, message: str, level: Level = Level.INFO) -> None:
        """Writes one line to the step's log. ``print`` does too, at level ``info``."""
        self._host.log(level, message)

    @cached_property
    def embeddings(self) -> capabilities.Embeddings:
        """The host's embedding model. Capability ``embeddings``."""
        return capabilities.Embeddings(self._host.capability("embeddings"))

    @cached_property
    def vectors(self) -> capabilities.Vectors:
        """The vector store. Capability ``vectors``."""
        return capabilities.Vectors(self._host.capability("vectors"))

    @cached_property
    def graph(self) -> capabilities.Graph:
        """The knowledge graph. Capability ``graph``."""
        return capabilities.Graph(self._host.capability("graph"))

    @cached_property
    def completions(self) -> capabilities.Completions:
        """The host's language model. Capability ``completions``."""
        return capabilities.Completions(self._host.capability("completions"))

    @cached_property
    def transcription(self) -> capabilities.Transcription:
        """Speech to text. Capability ``transcription``."""
        return capabilities.Transcription(self._host.capability("transcription"))

    @cached_property
    def conversion(self) -> Conversion:
        """Converters for documents inside the document. Capability ``conversion``."""
        return Conversion(self._host.capability("conversion"))

    @cached_property
    def ocr(self) -> Ocr:
        """Text in pictures. Capability ``ocr``."""
        return Ocr(self._host.capability("ocr"))

    @cached_property
    def kv(self) -> capabilities.KeyValues:
        """The plugin's own store between tasks. Capability ``kv``."""
        return capabilities.KeyValues(self._host.capability("kv"))

    @cached_property
    def secrets(self) -> capabilities.Secrets:
        """Secrets the operator gave by name. Capability ``secrets``."""
        return capabilities.Secrets(self._host.capability("secrets"))


