"""The formats that a converter takes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

#: Media types, and extensions, of a format at most.
_NAMES_MAX = 16


@dataclass(frozen=True)
class Format:
    """A format that a converter takes; see ``format`` in ``wit/converter.wit``."""

    #: Short name, the usual extension: 1 to 16 characters of ``a-z 0-9``.
    name: str
    #: Without parameters, in lower case.
    media_types: Sequence[str] = ()
    #: Of its files, without the dot, in lower case.
    extensions: Sequence[str] = ()

    def __post_init__(self) -> None:
        if not re.fullmatch("[a-z0-9]{1,16}", self.name):
            raise ValueError(f"format {self.name!r}: a name has 1 to 16 characters of a-z 0-9")
        for what, names in (("media_types", self.media_types), ("extensions", self.extensions)):
            if isinstance(names, str) or len(names) > _NAMES_MAX:
                raise ValueError(f"format {self.name}: {what} is a list of at most {_NAMES_MAX} texts")
            for name in names:
                if name != name.lower() or name.startswith(".") or ";" in name:
                    raise ValueError(f"format {self.name}: {name!r} is written in lower case, without a dot before it and parameters")
