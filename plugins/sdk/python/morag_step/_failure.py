"""A step's failure, as the person who submitted the document reads it."""

from __future__ import annotations

from typing import Any


class Failure(Exception):
    """Ends the step as failed: raise it from anywhere.

    ``code`` is stable and machine readable (upper snake case, 1 to 64 characters); ``message`` says what happened, to what,
    and what to do (at most 4 KiB); ``details`` are further keys of the ``step_failed`` event; ``retryable`` says that the same
    input could succeed later.
    """

    def __init__(self, code: str, message: str, *, details: dict[str, Any] | None = None, retryable: bool = False) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.details: dict[str, Any] = dict(details or {})
        self.retryable = retryable

    @classmethod
    def unavailable(cls, message: str) -> Failure:
        """A failure of something behind the host, which may work later."""
        return Failure("SERVICE_UNAVAILABLE", message, retryable=True)


class CapabilityError(Failure):
    """Why a capability could not do what was asked. A step that does not catch it fails with it.

    ``kind`` is ``invalid`` (asking again gives the same answer), ``limit`` (the text names it) or ``unavailable`` (may work
    later).
    """

    _CODES = {"invalid": "CAPABILITY_INVALID", "limit": "CAPABILITY_LIMIT", "unavailable": "SERVICE_UNAVAILABLE"}

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(self._CODES[kind], message, retryable=kind == "unavailable")
        self.kind = kind
