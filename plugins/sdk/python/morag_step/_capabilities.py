"""The capabilities, each on an adapter that the host (or the mock) gives. All raise :class:`CapabilityError`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from ._task import Blob

#: Items that a call stages or embeds at most; more are sent in several calls.
ITEMS = 256


def _batches(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(items), ITEMS):
        yield items[start : start + ITEMS]


class Capability:
    """What a task gives of a capability; the adapter is the host's or the mock's."""

    def __init__(self, adapter: Any) -> None:
        self._adapter = adapter


class Embeddings(Capability):
    """Text embeddings by the host's model."""

    def model(self) -> tuple[str, int]:
        """Name and dimensions of the model in use."""
        return self._adapter.model()

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One vector a text, in order; at most 1 MiB of text in 256 texts."""
        return [vector for batch in _batches(texts) for vector in self._adapter.embed(list(batch))]


@dataclass
class Point:
    """A text with its vector. ``id`` is unique within the document."""

    id: str
    text: str
    vector: list[float]
    payload: dict[str, Any] = field(default_factory=dict)


class Vectors(Capability):
    """The vector store, staged until the step succeeds."""

    def put(self, model: str, points: Sequence[Point]) -> int:
        """Stages points made by the named model; returns how many."""
        return sum(self._adapter.put(model, list(batch)) for batch in _batches(points))


@dataclass
class Node:
    """An entity. Nodes of several documents with the same key are the same."""

    key: str
    name: str
    kind: str
    mentions: int = 1
    properties: dict[str, Any] = field(default_factory=dict)


@dataclass
class Edge:
    """A relation between the keys of two nodes that are staged already."""

    source: str
    target: str
    kind: str
    properties: dict[str, Any] = field(default_factory=dict)


@dataclass
class Fact:
    """A statement."""

    subject: str
    predicate: str
    object: str
    properties: dict[str, Any] = field(default_factory=dict)


class Graph(Capability):
    """The knowledge graph, staged until the step succeeds."""

    def put_nodes(self, nodes: Sequence[Node]) -> int:
        """Stages nodes; returns how many."""
        return sum(self._adapter.put_nodes(list(batch)) for batch in _batches(nodes))

    def put_edges(self, edges: Sequence[Edge]) -> int:
        """Stages relations; returns how many."""
        return sum(self._adapter.put_edges(list(batch)) for batch in _batches(edges))

    def put_facts(self, facts: Sequence[Fact]) -> int:
        """Stages facts; returns how many."""
        return sum(self._adapter.put_facts(list(batch)) for batch in _batches(facts))


@dataclass
class Message:
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass
class Completion:
    """What the model answered."""

    text: str
    model: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    #: Whether the answer stopped at ``max_tokens`` instead of at its end.
    truncated: bool = False


class Completions(Capability):
    """Text completions by the host's model, within the task's budget."""

    def complete(
        self,
        messages: Sequence[Message] | str,
        *,
        max_tokens: int | None = None,
        temperature: float | None = None,
        response_schema: dict[str, Any] | None = None,
    ) -> Completion:
        """Answers a conversation of 1 to 64 messages, or one text of the user."""
        if isinstance(messages, str):
            messages = [Message("user", messages)]
        return self._adapter.complete(list(messages), max_tokens, temperature, response_schema)


@dataclass
class Segment:
    """A stretch of speech."""

    start_ms: int
    end_ms: int
    text: str


@dataclass
class Transcript:
    """What was said."""

    text: str
    language: str | None = None
    duration_ms: int | None = None
    segments: list[Segment] = field(default_factory=list)


class Transcription(Capability):
    """Speech to text by the host's service, within the task's budget."""

    def model(self) -> str:
        """Name of the model that transcribes. ``unavailable`` where the operator has set no service up; the service is not asked."""
        return self._adapter.model()

    def transcribe(self, audio: Blob, language: str | None = None) -> Transcript:
        """Transcribes a whole file; the host sends it, it does not pass through the step's memory."""
        return self._adapter.transcribe(audio._raw, language)


class KeyValues(Capability):
    """The plugin's own store, kept between tasks."""

    def get(self, key: str) -> bytes | None:
        """The value of a key (1 to 255 bytes of UTF-8 without control characters)."""
        return self._adapter.get(key)

    def get_text(self, key: str) -> str | None:
        """The value of a key as text; what is not UTF-8 of it is replaced."""
        value = self._adapter.get(key)
        return None if value is None else value.decode(errors="replace")

    def set(self, key: str, value: bytes | str) -> None:
        """Sets a value of at most 64 KiB; text as UTF-8."""
        self._adapter.set(key, value.encode() if isinstance(value, str) else bytes(value))

    def delete(self, key: str) -> None:
        """Removes a key; one that is not there is removed already."""
        self._adapter.delete(key)

    def keys(self, prefix: str = "") -> Iterator[str]:
        """All keys that begin with ``prefix``, in the order of their bytes."""
        after: str | None = None
        while page := self._adapter.keys(prefix, after):
            yield from page
            after = page[-1]


class Secrets(Capability):
    """Secrets that the operator has given to this plugin by name."""

    def get(self, name: str) -> str:
        """The value of a secret; ``invalid`` for a name that was not granted."""
        return self._adapter.get(name)
