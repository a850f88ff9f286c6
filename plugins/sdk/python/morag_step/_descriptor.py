"""What a step says it is, and the decorator that makes a function a step."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ._config import from_json, schema_of
from ._format import Format
from ._task import Task


@dataclass(frozen=True)
class Output:
    """An artifact the step writes: file name (``a-z 0-9 . _ -``), media type, and the key of the step's data under which the
    host publishes the file's URL, if any.

    A name with one ``*``, such as ``page-*.png``, is a pattern: the step writes any number of files whose names have one or more
    characters in its place. They are all listed, and have no ``published_as``."""

    name: str
    media_type: str
    published_as: str | None = None

    def takes(self, name: str) -> bool:
        """Whether a file of this name may be written as this output."""
        if "*" not in self.name:
            return self.name == name
        before, after = self.name.split("*", 1)
        fits = re.fullmatch(f"{re.escape(before)}[A-Za-z0-9._-]+{re.escape(after)}", name)
        return fits is not None and len(name) <= 64 and not name.startswith(".")


@dataclass(frozen=True)
class Descriptor:
    """What a step is; see ``describe`` in ``wit/step.wit``."""

    name: str
    version: str
    summary: str
    #: Artifacts that an earlier step must write.
    reads: Sequence[str] = ()
    #: Artifacts that are read where an earlier step has written them.
    reads_if_present: Sequence[str] = ()
    writes: Sequence[Output] = ()
    #: Capabilities wanted. A component adds those that it imports: the ones of ``plugin.toml``.
    capabilities: Sequence[str] = ()
    #: Formats that the step takes, which makes it a converter.
    formats: Sequence[Format] = ()
    #: JSON Schema of the step's configuration.
    config_schema: dict[str, Any] = field(default_factory=dict)


class Step:
    """A function with its descriptor. Calling it runs the step: ``word_count(MockTask(...))``."""

    def __init__(self, descriptor: Descriptor, function: Callable[..., dict[str, Any] | None], config: type | None) -> None:
        self.descriptor = descriptor
        self.config = config
        self._function = function
        self._takes_config = len(inspect.signature(function).parameters) > 1
        self.__doc__ = function.__doc__

    def __call__(self, task: Task) -> dict[str, Any]:
        """Runs the step over a task; returns its data."""
        if self._takes_config:
            config = task.config if self.config is None else from_json(self.config, task.config)
            return self._function(task, config) or {}
        return self._function(task) or {}


#: The step that this component is; a component has one.
registered: list[Step] = []


def step(
    *,
    name: str,
    version: str,
    summary: str,
    reads: Sequence[str] = (),
    reads_if_present: Sequence[str] = (),
    writes: Sequence[Output] = (),
    capabilities: Sequence[str] = (),
    formats: Sequence[Format] = (),
    config: type | dict[str, Any] | None = None,
) -> Callable[[Callable[..., dict[str, Any] | None]], Step]:
    """Makes a function of ``(task)`` or ``(task, config)`` the step of this component.

    ``config`` is a dataclass (its JSON Schema is made of its fields, and the function's second argument is an instance of it)
    or a JSON Schema (the second argument is then the configuration as a ``dict``). None accepts anything.

    ``formats`` makes the step a converter (``converter = true`` in ``plugin.toml``): it writes ``markdown.md`` and ``document.json``,
    and passes a document on to the next converter by failing with the code ``UNSUPPORTED_FORMAT``.
    """
    kind = config if isinstance(config, type) and dataclasses.is_dataclass(config) else None
    if config is not None and kind is None and not isinstance(config, dict):
        raise TypeError("config: give a dataclass or a JSON Schema as a dict")
    schema = schema_of(kind) if kind else dict(config or {})
    made = Descriptor(
        name, version, summary, tuple(reads), tuple(reads_if_present), tuple(writes), tuple(capabilities), tuple(formats), schema
    )

    def decorate(function: Callable[..., dict[str, Any] | None]) -> Step:
        if inspect.iscoroutinefunction(function):
            raise TypeError(f"{function.__name__} is async: a step is an ordinary function")
        one = Step(made, function, kind)
        registered.append(one)
        return one

    return decorate
