"""Text of a docx."""
from package import collect

MATH = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
# A fallback says again what the choice before it says; what was moved away or deleted is text no more.
DROPPED = {"Fallback", "moveFrom", "pPr", "rPr"}


def text_of(element, name):
    if name == "t":
        # What is one run of a formula may be several words of its LaTeX, and the other way round; apart, both are the same.
        return (element.text or "") + (" " if element.tag.startswith(MATH) else "")
    return {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}.get(name, "")


def read(package):
    main = package.main()
    out = []
    collect(package.xml(main), out, text_of, {"p"}, DROPPED)
    for _, kind, target in package.related(main):
        if kind in ("footnotes", "endnotes", "comments"):
            collect(package.xml(target), out, text_of, {"p"}, DROPPED)
    return ["".join(out)]
