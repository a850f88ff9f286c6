"""Text of an xlsx."""
import xml.etree.ElementTree as ElementTree

from charts import chart
from package import Unreadable, attribute, collect, local, within
from values import BUILT_IN, DATE, OTHER, PERCENT, date, kind_of_code, number, percent


def read(package):
    main = package.main()
    workbook = package.xml(main)
    related = package.related(main)
    targets = {key: target for key, _, target in related}
    by_kind = {kind: target for _, kind, target in related}
    strings, kinds = [], []
    if "sharedStrings" in by_kind:
        strings = [runs(item) for item in package.xml(by_kind["sharedStrings"]) if local(item) == "si"]
    if "styles" in by_kind:
        kinds = kinds_of_styles(package.xml(by_kind["styles"]))
    from_1904 = any(attribute(properties, "date1904") in ("1", "true") for properties in within(workbook, "workbookPr"))
    stored, shown, charts = [], [], []
    for sheet in within(workbook, "sheet"):
        name = targets.get(attribute(sheet, "id"))
        if name is None:
            raise Unreadable("a sheet is missing")
        stored.append(sheet.get("name", ""))
        shown.append(sheet.get("name", ""))
        with package.open(name) as file:
            for _, element in ElementTree.iterparse(file):
                if local(element) == "c":
                    readings = cell(element, strings, kinds, from_1904)
                    stored.append(readings[0])
                    shown.append(readings[-1])
                    element.clear()
                elif local(element) == "row":
                    # A large sheet is not kept.
                    element.clear()
        for _, kind, drawing in package.related(name):
            for _, kind_of_part, part in package.related(drawing) if kind == "drawing" else ():
                if kind_of_part == "chart":
                    chart(package.xml(part), charts)
    return ["\n".join(cells + of_charts) for cells in (stored, shown) for of_charts in ([], charts)]


def runs(item):
    """Text of a string, without how it is pronounced."""
    out = []
    collect(item, out, lambda element, name: (element.text or "") if name == "t" else "", (), {"rPh"})
    return "".join(out)


def cell(element, strings, kinds, from_1904):
    """Its text: as stored, and as shown where that differs."""
    kind = element.get("t", "n")
    value = next((child.text or "" for child in element if local(child) == "v"), "")
    if kind == "inlineStr":
        return ["\n".join(runs(child) for child in element if local(child) == "is")]
    if kind == "s":
        return [strings[int(value)] if value else ""]
    if kind == "b":
        return ["TRUE" if value == "1" else "FALSE"]
    if kind != "n" or not value:
        return [value]
    style = int(element.get("s", "0"))
    looks = kinds[style] if style < len(kinds) else OTHER
    if looks == DATE:
        return [date(value, from_1904)]
    return [number(value), percent(value)] if looks == PERCENT else [number(value)]


def kinds_of_styles(styles):
    """What each style makes of a number."""
    codes = {code.get("numFmtId"): kind_of_code(code.get("formatCode", "")) for code in within(styles, "numFmt")}
    cells = next((child for child in styles if local(child) == "cellXfs"), ())
    return [codes.get(id, BUILT_IN.get(id, OTHER)) for id in (style.get("numFmtId") for style in cells)]
