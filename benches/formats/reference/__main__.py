"""The words of a document, read from its own files, on standard output: `python reference FORMAT FILE`.

What converters are held to by `cargo xtask bench formats`. It shares no code with any of them, and uses nothing but Python itself.

A form feed separates readings of which each is right; a converter is held to the one that suits it better.

What counts as the document's words:

- docx: text and formulas of the body, footnotes, endnotes and comments; no deleted text, no headers and footers of pages, and no numbers
  of lists, which are not in the file.
- pptx: text of the slides, their tables and diagrams, titles, names and numbers of their charts, speaker notes and comments; no page
  numbers and footers, and nothing of layouts.
- xlsx: names of the sheets and values of their cells, those of formulas as they were saved. Numbers are as stored, with the fifteen
  digits that Excel has, and not as their format shows them; but dates are YYYY-MM-DD, with HH:MM:SS where they have a time, and
  percentages have two readings, 0.5 and 50. A chart shows again what is in cells: there is a reading with charts and one without.
- epub: text of the pages in the order of the spine; no descriptions of pictures.
- odt, ods, odp: as docx, xlsx and pptx, but for charts.
"""
import sys

import book
import opendocument
import sheets
import slides
import words
from package import Package, Unreadable

READERS = {
    "docx": words.read,
    "pptx": slides.read,
    "xlsx": sheets.read,
    "epub": book.read,
    "odt": opendocument.read,
    "ods": opendocument.read,
    "odp": opendocument.read,
}
# Of elements within each other; documents have a few dozen.
DEPTH_MAX = 5000


def main():
    kind, path = sys.argv[1:]
    sys.setrecursionlimit(DEPTH_MAX)
    try:
        readings = READERS[kind](Package(path))
    except MemoryError:
        sys.exit("beyond the memory limit")
    # Of every kind: a document that Python cannot read has no reference.
    except Exception as error:
        sys.exit(str(error) if isinstance(error, Unreadable) else f"{type(error).__name__}: {error}")
    text = "\f".join(reading.replace("\f", "\n") for reading in dict.fromkeys(readings))
    sys.stdout.buffer.write(text.encode("utf-8", "replace"))


if __name__ == "__main__":
    main()
