"""The capability ``ocr``: text in pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from ._capabilities import Capability


@dataclass
class Picture:
    """A decoded picture: each side 16 to 16,384 pixels, at most 16,777,216 pixels in all."""

    #: Pixels of a row.
    width: int
    #: Rows.
    height: int
    #: The pixels, row by row from the top, without padding.
    pixels: bytes
    #: ``gray8``: one byte a pixel, 0 is black; ``rgb8``: three bytes a pixel.
    format: Literal["gray8", "rgb8"] = "gray8"


class Corner(NamedTuple):
    """A place in a picture, in pixels from its upper left corner."""

    x: float
    y: float


@dataclass
class TextLine:
    """A line of text in a picture."""

    text: str
    #: 0 to 1: how sure the model is of the characters that it found.
    confidence: float = 1.0
    #: Characters for each length of the line's height; well below 0.5 it is a script that the model does not know.
    density: float = 2.0
    #: Of the box around it as it is read: upper left, upper right, lower right, lower left.
    corners: Sequence[Corner] = (Corner(0.0, 0.0),) * 4


@dataclass
class Reading:
    """What a picture says."""

    #: From top to bottom, as they were found.
    lines: list[TextLine] = field(default_factory=list)
    #: Degrees by which the picture must be turned clockwise to be upright: 0, 90, 180 or 270.
    turned: int = 0
    #: Whether there were more lines than are read.
    truncated: bool = False

    @property
    def text(self) -> str:
        """The texts of the lines, one below the other."""
        return "\n".join(line.text for line in self.lines)


@dataclass
class OcrModel:
    """The model that reads."""

    #: For example ``pp-ocrv6-small``.
    name: str
    #: Scripts that it reads, as ISO 15924 codes, for example ``Latn``.
    scripts: list[str] = field(default_factory=list)


class Ocr(Capability):
    """Reads text in pictures by the host's model, within the run's budget."""

    def model(self) -> OcrModel:
        """The model in use; ``unavailable`` where the operator has set none up."""
        return self._adapter.model()

    def read(self, picture: Picture) -> Reading:
        """Reads a picture. Takes seconds of processor time, on the host's own threads."""
        return self._adapter.read(picture)
