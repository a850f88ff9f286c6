"""Write a MoRAG step in Python.

A step is a function with the decorator :func:`step`, in the project's ``step.py``. It gets a :class:`Task`, through which
everything it may do goes, and returns the step's own keys of the ``step_completed`` event::

    from morag_step import Output, Task, step

    @step(
        name="shout", version="0.1.0", summary="Makes a document loud",
        reads=["markdown.md"],
        writes=[Output("shout.md", "text/markdown", published_as="shout_file_url")],
    )
    def shout(task: Task) -> dict:
        text = task.artifact_text("markdown.md")
        task.write_artifact("shout.md", text.upper())
        return {"shouted": len(text)}

Unit tests call the function in plain Python with a :class:`morag_step.mock.MockTask`. What is imported must be imported at the
top of a module: a component holds the modules that were there when it was built, and no files.
"""

from ._capabilities import (
    Completion, Completions, Edge, Embeddings, Fact, Graph, KeyValues, Message, Node, Point, Secrets, Segment,
    Transcript, Transcription, Vectors,
)
from ._config import from_json, schema_of
from ._conversion import Conversion, ConvertedDocument, Refused
from ._descriptor import Descriptor, Output, Step, step
from ._failure import CapabilityError, Failure
from ._format import Format
from ._ocr import Corner, Ocr, OcrModel, Picture, Reading, TextLine
from ._task import Blob, Info, Level, Task, Writer

__all__ = [
    "Blob", "CapabilityError", "Completion", "Completions", "Conversion", "ConvertedDocument", "Corner", "Descriptor",
    "Edge", "Embeddings", "Fact", "Failure", "Format", "Graph", "Info", "KeyValues", "Level", "Message", "Node", "Ocr",
    "OcrModel", "Output", "Picture", "Point", "Reading", "Refused", "Secrets", "Segment", "Step", "Task", "TextLine",
    "Transcript", "Transcription", "Vectors", "Writer", "from_json", "schema_of", "step",
]
