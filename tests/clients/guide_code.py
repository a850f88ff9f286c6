"""The guides' own Python code, to the letter, in guide/."""

from pathlib import Path


def load(name, **given):
    """Runs a file of the guide as a module, with the names that the guide takes for granted. Gives its names."""
    path = Path(__file__).parent / "guide" / f"{name}.py"
    # The name of its log too, by which its lines are told from a web server's.
    names = {"__name__": f"guide.{name}", **given}
    exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), names)
    return names
