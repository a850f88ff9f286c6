"""Text of an odt, ods or odp."""
from package import Unreadable, attribute, within
from values import number, percent

# What was deleted; marks of notes; who commented when; what has no place in the text, or is on every page.
DROPPED = {
    *("text:tracked-changes", "text:note-citation", "text:sequence-decls", "text:page-number", "dc:creator", "dc:date", "meta:date-string"),
    *("office:forms", "table:shapes", "svg-compatible:title", "svg-compatible:desc"),
    *("presentation:footer-decl", "presentation:header-decl", "presentation:date-time-decl"),
}
# Classes of frames of what is on every page.
OF_PAGES = {"page-number", "footer", "header", "date-time"}
APART = {"text:p", "text:h", "text:line-break", "text:tab", "table:table-cell", "drawing:frame"}
# Sheets end with a million rows that are the same.
REPEATED_MAX = 1000


def read(package):
    manifest = package.xml("META-INF/manifest.xml")
    if any(within(manifest, "encryption-data")):
        raise Unreadable("encrypted")
    content = package.xml("content.xml")
    # Objects that are formulas, by their folders.
    formulas = {
        attribute(entry, "full-path").strip("/")
        for entry in within(manifest, "file-entry")
        if attribute(entry, "media-type") == "application/vnd.oasis.opendocument.formula"
    }
    readings = []
    for show in (number, percent):
        out = []
        for body in within(content, "body"):
            Body(package, formulas, any(within(body, "spreadsheet")), show).add(body, out)
        readings.append("".join(out))
    return readings


def qualified(element):
    """`text:p`: by the namespace, whatever prefix the document has for it."""
    if not isinstance(element.tag, str):
        return ""
    space, _, name = element.tag.rpartition("}")
    if "opendocument:xmlns:" in space:
        return space.split(":")[-2] + ":" + name
    return "dc:" + name if space.endswith("/dc/elements/1.1/") else name


class Body:
    def __init__(self, package, formulas, is_workbook, show):
        self.package = package
        self.formulas = formulas
        self.is_workbook = is_workbook
        self.show_percentage = show

    def add(self, element, out):
        name = qualified(element)
        if name in DROPPED or (name == "drawing:frame" and attribute(element, "class") in OF_PAGES):
            return
        start = len(out)
        if name in APART:
            out.append("\n")
        if name == "text:s":
            out.append(" ")
        elif name == "table:table" and self.is_workbook:
            out.append("\n" + (attribute(element, "name") or "") + "\n")
        elif name == "drawing:object":
            self.formula(element, out)
        value = self.value(element) if name == "table:table-cell" and self.is_workbook else None
        if value is None:
            out.append(element.text or "")
        else:
            out.append(value)
        for child in element:
            # The paragraph of a number is how it is shown.
            if value is None or qualified(child) == "office:annotation":
                self.add(child, out)
            out.append(child.tail or "" if value is None else "")
        if name in APART:
            out.append("\n")
        self.repeat(element, name, out, start)

    def value(self, cell):
        """Of a cell that has something else than text."""
        kind = attribute(cell, "value-type")
        if kind in ("float", "currency"):
            return number(attribute(cell, "value") or "")
        if kind == "percentage":
            return self.show_percentage(attribute(cell, "value") or "")
        if kind == "date":
            return (attribute(cell, "date-value") or "").removesuffix("T00:00:00").replace("T", " ")
        if kind == "time":
            # PT10H30M00S
            time = (attribute(cell, "time-value") or "").removeprefix("PT").removesuffix("S")
            return time.replace("H", ":").replace("M", ":")
        if kind == "boolean":
            return (attribute(cell, "boolean-value") or "").upper()
        return None

    def repeat(self, element, name, out, start):
        counts = {"table:table-row": "number-rows-repeated", "table:table-cell": "number-columns-repeated"}
        if name in counts:
            times = min(int(attribute(element, counts[name]) or 1), REPEATED_MAX)
            text = "".join(out[start:])
            del out[start:]
            out.append(text * times if text.strip() else "\n")

    def formula(self, element, out):
        folder = (attribute(element, "href") or "").removeprefix("./").strip("/")
        if folder in self.formulas and folder + "/content.xml" in self.package.names:
            for part in self.package.xml(folder + "/content.xml").iter():
                if qualified(part) in ("mi", "mn", "mo", "mtext"):
                    out.append(" " + (part.text or ""))
