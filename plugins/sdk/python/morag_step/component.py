"""The entry of a component: what componentize-py is given. It imports the project's ``step.py`` while the component is built."""

from __future__ import annotations

import io
import json
import logging
import sys
from pathlib import Path
from typing import Any

from componentize_py_types import Err  # type: ignore[import-not-found]
from wit_world.exports import step as wit  # type: ignore[import-not-found]

try:
    # Only the world of a converter has it.
    from wit_world.exports import converter as wit_converter  # type: ignore[import-not-found]
except ImportError:
    wit_converter = None

import step as _project  # type: ignore[import-not-found]  # noqa: F401

from ._descriptor import registered
from ._failure import Failure
from ._host import WitHost, imported
from ._task import Level, Task

if len(registered) != 1:
    raise SystemExit(f"step.py must have one function with the decorator @step from morag_step; it has {len(registered)}")
_step = registered[0]
if _step.descriptor.formats and wit_converter is None:
    raise SystemExit("the step takes formats, so it is a converter: add converter = true to plugin.toml")
if wit_converter is not None and not _step.descriptor.formats:
    raise SystemExit("plugin.toml says converter = true, but the step takes no formats: add formats=[Format(…)] to its @step")
_host = WitHost()


def _sources() -> dict[str, list[str]]:
    """The lines of the project's own modules: a component has no files to read them from when something is raised."""
    found: dict[str, list[str]] = {}
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        # The standard library is put below /python, the bindings below /bundled or /world.
        if file and file.endswith(".py") and not file.startswith(("/python", "/bundled", "/world")):
            try:
                found[file] = Path(file).read_text(encoding="utf-8").splitlines()
            except (OSError, ValueError):
                continue
    return found


_SOURCES = _sources()


class _LogStream(io.TextIOBase):
    """What is printed goes to the step's log, a line at a time."""

    def __init__(self, level: Level) -> None:
        super().__init__()
        self._level = level
        self._rest = ""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            _host.log(self._level, line)
        return len(text)

    def flush(self) -> None:
        if self._rest:
            _host.log(self._level, self._rest)
            self._rest = ""


class _LogHandler(logging.Handler):
    """The standard module ``logging`` goes to the step's log."""

    def emit(self, record: logging.LogRecord) -> None:
        places = ((logging.ERROR, Level.ERROR), (logging.WARNING, Level.WARN), (logging.INFO, Level.INFO))
        level = next((level for least, level in places if record.levelno >= least), Level.DEBUG)
        _host.log(level, f"{record.name}: {record.getMessage()}")


logging.getLogger().addHandler(_LogHandler())


def _places(error: BaseException) -> list[str]:
    """Where an exception passed, the innermost last."""
    places = []
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        lines = _SOURCES.get(code.co_filename, [])
        text = lines[trace.tb_lineno - 1].strip() if 0 < trace.tb_lineno <= len(lines) else ""
        name = code.co_filename.rsplit("/", 1)[-1]
        places.append(f"{name}:{trace.tb_lineno} in {code.co_name}" + (f": {text}" if text else ""))
        trace = trace.tb_next
    return places


def _unhandled(error: BaseException) -> Failure:
    places = _places(error)
    for place in places[-20:]:
        _host.log(Level.ERROR, place)
    text = str(error)
    message = f"{type(error).__name__}: {text}" if text else type(error).__name__
    # The project's own line says more than the library's that it called.
    own = [place for place in places if place.startswith("step.py:")]
    where = (own or places or ["an unknown place"])[-1]
    return Failure("STEP_ERROR", f"{message[:3000]} (at {where[:500]})", details={"exception": type(error).__name__})


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _exported(failure: Failure) -> Err:
    return Err(wit.Failure(failure.code, failure.message, _json(failure.details), failure.retryable))


class Converter:
    """What componentize-py exports as ``morag:step/converter`` where the project is one."""

    def formats(self) -> list[Any]:
        return [wit_converter.Format(one.name, list(one.media_types), list(one.extensions)) for one in _step.descriptor.formats]


class Step:
    """What componentize-py exports as ``morag:step/step``."""

    def describe(self) -> wit.Descriptor:
        one = _step.descriptor
        inputs = [wit.ArtifactInput(name, True) for name in one.reads]
        inputs += [wit.ArtifactInput(name, False) for name in one.reads_if_present]
        outputs = [wit.ArtifactOutput(output.name, output.media_type, output.published_as) for output in one.writes]
        # What is imported needs a grant, whether the step says so or not.
        capabilities = list(dict.fromkeys([*one.capabilities, *imported]))
        return wit.Descriptor(one.name, one.version, one.summary, inputs, outputs, capabilities, _json(one.config_schema))

    def run(self) -> wit.Outcome:
        sys.stdout, sys.stderr = _LogStream(Level.INFO), _LogStream(Level.WARN)
        try:
            return wit.Outcome(_json(_step(Task(_host))))
        except Failure as failure:
            raised = _exported(failure)
        except Exception as error:  # noqa: BLE001 - whatever it is, the person who reads it is told
            raised = _exported(_unhandled(error))
        except SystemExit as error:
            raised = _exported(_unhandled(error))
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
        raise raised
