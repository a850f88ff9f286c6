"""Counts the words of a document."""

from dataclasses import dataclass
from typing import Annotated

from morag_step import Output, Task, step


@dataclass
class Config:
    """The step's configuration, as the pipeline gives it."""

    #: Shorter words are not counted.
    least_letters: Annotated[int, {"minimum": 1}] = 1


@step(
    name="{{name}}",
    version="0.1.0",
    summary="Counts the words of a document",
    reads=["markdown.md"],
    writes=[Output("word_count.json", "application/json", published_as="word_count_file_url")],
    config=Config,
)
def count_words(task: Task, config: Config) -> dict:
    text = task.artifact_text("markdown.md")
    words = [word for word in text.split() if len(word) >= config.least_letters]
    task.report_progress(0.5, f"counted {len(words)} words")
    task.write_json("word_count.json", {"words": len(words), "longest": max(words, key=len, default="")})
    return {"words": len(words)}
