"""Text of a chart."""
from package import collect, local, within
from values import number

STRINGS = {"strRef", "strLit", "multiLvlStrRef"}
NUMBERS = {"numRef", "numLit"}


def chart(root, out):
    """Its titles, names of series and categories, and its numbers, as they were saved."""
    collect(root, out, lambda element, name: (element.text or "") if name == "t" else "", {"p"}, {"Fallback"})
    seen = set()
    for source in root.iter():
        name = local(source)
        if name in STRINGS or name in NUMBERS:
            show = number if name in NUMBERS else str
            formula = next((child.text for child in source if local(child) == "f"), None)
            values = tuple(show(value.text or "") for value in within(source, "v"))
            # The categories are there for each series, and once in the picture.
            if formula is None or (formula, values) not in seen:
                out.extend("\n" + value for value in values)
            seen.add((formula, values))
        elif name == "tx":
            out.extend("\n" + (child.text or "") for child in source if local(child) == "v")
    out.append("\n")
