"""Text of a pptx."""
from charts import chart
from package import Unreadable, attribute, collect, local, within

# Placeholders of what is on every page.
OF_PAGES = {"sldNum", "dt", "ftr", "hdr"}


def read(package):
    main = package.main()
    targets = {key: target for key, _, target in package.related(main)}
    out = []
    for slide in within(package.xml(main), "sldId"):
        name = targets.get(slide.get("{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"))
        if name is None:
            raise Unreadable("a slide is missing")
        drawing(package.xml(name), out)
        for _, kind, target in package.related(name):
            if kind in ("notesSlide", "diagramData"):
                drawing(package.xml(target), out)
            elif kind == "comments":
                # Of before 2018 `text`, and `t` since.
                collect(package.xml(target), out, text_of, {"p", "text"}, ())
            elif kind == "chart":
                chart(package.xml(target), out)
    return ["".join(out)]


def text_of(element, name):
    if name in ("t", "text"):
        return element.text or ""
    return "\n" if name == "br" else ""


def drawing(root, out):
    for parent in list(root.iter()):
        for child in list(parent):
            if local(child) == "sp" and any(attribute(mark, "type") in OF_PAGES for mark in within(child, "ph")):
                parent.remove(child)
    # A fallback says again what the choice before it says.
    collect(root, out, text_of, {"p"}, {"Fallback"})
