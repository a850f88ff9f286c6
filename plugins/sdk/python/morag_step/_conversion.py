"""The capability ``conversion``: documents inside the task's document."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ._capabilities import Capability

if TYPE_CHECKING:
    from ._task import Blob


@dataclass
class ConvertedDocument:
    """A document as markdown."""

    #: CommonMark with GitHub tables.
    markdown: str
    #: What the converter wrote as ``document.json``; empty where it wrote none.
    document: dict[str, Any] = field(default_factory=dict)
    #: Name of the component that converted it.
    component: str = ""


@dataclass
class Refused:
    """A document that was not converted, as a step's failure."""

    #: For example ``UNSUPPORTED_FORMAT``.
    code: str
    #: What happened, to what, and what to do about it.
    message: str


class Conversion(Capability):
    """Converts attachments of a mail, files of an archive, … by the converters of the step that asks, within the run's budget::

        file = task.write_temporary_file("attachment", "application/octet-stream", content)
        match task.conversion.convert(file, "report.docx"):
            case ConvertedDocument(markdown=text):
                ...
            case Refused(message=why):
                ...
    """

    def convert(self, document: Blob, name: str) -> ConvertedDocument | Refused:
        """Converts a temporary file of this run. ``name`` is the document's, whose extension is a hint."""
        return self._adapter.convert(document._raw, name)
