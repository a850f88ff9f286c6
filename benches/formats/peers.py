"""A peer's markdown of one document, on standard output: `python peers.py PEER FILE`.

Run by `cargo xtask bench formats`, a process for each document and peer, whose memory and time it limits.
Ends with 3 where the peer says that it does not take the format.
"""
import sys

NOT_TAKEN = 3


def markitdown(path):
    from markitdown import MarkItDown, UnsupportedFormatException

    try:
        return MarkItDown(enable_plugins=False).convert_local(path).markdown
    except UnsupportedFormatException:
        sys.exit(NOT_TAKEN)


def kreuzberg(path):
    from kreuzberg import ExtractionConfig, ValidationError, extract_file_sync

    # Its cache would hand out what another run has read. Pictures are no words of the document.
    config = ExtractionConfig(output_format="markdown", use_cache=False, disable_ocr=True)
    try:
        return extract_file_sync(path, config=config).content
    except ValidationError:
        # What it validates is the media type that it takes the file for.
        sys.exit(NOT_TAKEN)


def main():
    peer, path = sys.argv[1:]
    markdown = {"markitdown": markitdown, "kreuzberg": kreuzberg}[peer](path)
    sys.stdout.buffer.write(markdown.encode("utf-8", "replace"))


if __name__ == "__main__":
    main()
