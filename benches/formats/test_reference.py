"""Tests of `reference`, on documents that are written here: `python3 -m unittest discover --start-directory benches/formats`."""
import io
import os
import sys
import unittest
import zipfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "reference"))

import book
import opendocument
import sheets
import slides
import words
from package import Package, Unreadable
from values import date, kind_of_code, number

RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
ODF = " ".join(
    f'xmlns:{prefix}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for prefix, name in {"o": "office", "t": "text", "table": "table", "d": "drawing", "p": "presentation"}.items()
)
MANIFEST = '<m:manifest xmlns:m="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>'


def package(files):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return Package(content)


def relations(*parts):
    """Of parts, each with its type and file: their ids are r0, r1, …"""
    entries = (f'<Relationship Id="r{id}" Type="{RELATION}/{kind}" Target="{file}"/>' for id, (kind, file) in enumerate(parts))
    return f"<Relationships>{''.join(entries)}</Relationships>"


def office(main, parts, files):
    """A document of Office Open XML, its main part in `x`."""
    return package(
        {"_rels/.rels": relations(("officeDocument", "x/main.xml")), "x/main.xml": main, "x/_rels/main.xml.rels": relations(*parts), **files}
    )


def odf(body):
    content = f"<o:document-content {ODF}><o:body>{body}</o:body></o:document-content>"
    return package({"META-INF/manifest.xml": MANIFEST, "content.xml": content})


def read(reader, document):
    return [" ".join(reading.split()) for reading in reader.read(document)]


class Documents(unittest.TestCase):
    def test_docx(self):
        body = """<w:document xmlns:w="w" xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math">
            <w:p><w:pPr><w:rPr><w:del/></w:rPr></w:pPr><w:r><w:t>Ti</w:t></w:r><w:r><w:t>tle</w:t><w:tab/><w:t>two</w:t></w:r></w:p>
            <w:p><w:del><w:r><w:delText>gone</w:delText></w:r></w:del><w:moveFrom><w:r><w:t>moved</w:t></w:r></w:moveFrom>
            <m:r><m:t>x</m:t></m:r><m:r><m:t>2</m:t></m:r><w:instrText>PAGE</w:instrText></w:p>
            <mc:AlternateContent xmlns:mc="mc"><mc:Choice><w:t>once</w:t></mc:Choice><mc:Fallback><w:t>once</w:t></mc:Fallback>
            </mc:AlternateContent></w:document>"""
        note = '<w:footnotes xmlns:w="w"><w:p><w:t>A note</w:t></w:p></w:footnotes>'
        header = note.replace("A note", "On every page")
        parts = (("footnotes", "f.xml"), ("header", "h.xml"))
        self.assertEqual(read(words, office(body, parts, {"x/f.xml": note, "x/h.xml": header})), ["Title two x 2 once A note"])

    def test_pptx(self):
        main = f'<p:presentation xmlns:p="p" xmlns:r="{RELATION}"><p:sldId id="256" r:id="r0"/></p:presentation>'
        text = "<a:p><a:t>{}</a:t></a:p>".format
        shape = '<p:sp><p:ph type="{}"/>{}</p:sp>'.format
        slide = f'<p:sld xmlns:p="p" xmlns:a="a">{shape("title", text("Title"))}{shape("sldNum", text("7"))}</p:sld>'
        chart = """<c:chart xmlns:c="c" xmlns:a="a"><a:p><a:t>Sales</a:t></a:p><c:strRef><c:f>Sheet1!A1</c:f><c:v>2019</c:v></c:strRef>
            <c:numRef><c:f>B1</c:f><c:numCache><c:formatCode>0</c:formatCode><c:v>0.30000000000000004</c:v></c:numCache></c:numRef>
            <c:strRef><c:f>Sheet1!A1</c:f><c:v>2019</c:v></c:strRef></c:chart>"""
        files = {
            "x/s.xml": slide,
            "x/_rels/s.xml.rels": relations(("notesSlide", "n.xml"), ("comments", "o.xml"), ("chart", "c.xml"), ("slideLayout", "l.xml")),
            "x/o.xml": '<p:cmLst xmlns:p="p"><p:cm authorId="0"><p:text>Comment</p:text></p:cm></p:cmLst>',
            "x/n.xml": slide.replace("Title", "Notes"),
            "x/c.xml": chart,
            "x/l.xml": slide.replace("Title", "Layout"),
            "x/orphan.xml": slide,
        }
        document = office(main, (("slide", "s.xml"), ("slide", "orphan.xml")), files)
        self.assertEqual(read(slides, document), ["Title Notes Comment Sales 2019 0.3"])

    def test_xlsx(self):
        main = f'<workbook xmlns:r="{RELATION}"><sheet name="Sheet A" r:id="r0"/></workbook>'
        cells = """<worksheet><row><c t="s"><v>0</v></c><c t="inlineStr"><is><t>in</t></is></c><c><f>1/4</f><v>0.25</v></c>
            <c s="1"><v>0.25</v></c><c s="2"><v>45301.5</v></c><c t="b"><v>1</v></c><c t="str"><v>text</v></c><c/></row></worksheet>"""
        strings = "<sst><si><r><t>sha</t></r><r><t>red</t></r><rPh><t>spoken</t></rPh></si></sst>"
        styles = """<styleSheet><numFmts><numFmt numFmtId="164" formatCode="d\\-mmm"/></numFmts><cellStyleXfs><xf numFmtId="14"/></cellStyleXfs>
            <cellXfs><xf numFmtId="0"/><xf numFmtId="10"/><xf numFmtId="164"/></cellXfs></styleSheet>"""
        parts = (("worksheet", "s.xml"), ("sharedStrings", "t.xml"), ("styles", "f.xml"))
        files = {
            "x/s.xml": cells,
            "x/_rels/s.xml.rels": relations(("drawing", "d.xml")),
            "x/d.xml": "<wsDr/>",
            "x/_rels/d.xml.rels": relations(("chart", "c.xml")),
            "x/c.xml": "<chart><p><t>Chart</t></p></chart>",
            "x/t.xml": strings,
            "x/f.xml": styles,
        }
        expected = "Sheet A shared in 0.25 {} 2024-01-10 12:00:00 TRUE text{}".format
        readings = [expected(number, chart) for number in ("0.25", "25") for chart in ("", " Chart")]
        self.assertEqual(read(sheets, office(main, parts, files)), readings)

    def test_epub(self):
        spine = """<package><manifest><item id="a" href="b%20c.xhtml" media-type="application/xhtml+xml"/>
            <item id="cover" href="c.png" media-type="image/png"/><item id="unused" href="u.xhtml" media-type="application/xhtml+xml"/>
            </manifest><spine><itemref idref="a"/><itemref idref="cover"/></spine></package>"""
        page = """<html><head><title>no</title><script src="x"/></head><body><p>One <b>w</b>ord &amp; more</p><script/><p>Two<img alt="no"/></p>
            </body></html>"""
        files = {"META-INF/container.xml": '<container><rootfile full-path="x/a.opf"/></container>', "x/a.opf": spine, "x/b c.xhtml": page}
        self.assertEqual(read(book, package(files)), ["One word & more Two"])
        files["META-INF/encryption.xml"] = '<encryption><CipherReference URI="x/b c.xhtml"/></encryption>'
        with self.assertRaises(Unreadable):
            book.read(package(files))

    def test_odt(self):
        body = """<o:text><t:tracked-changes><t:p>gone</t:p></t:tracked-changes><t:p>Ti<t:span>tle</t:span><t:s/>two<t:note>
            <t:note-citation>1</t:note-citation><t:note-body><t:p>A note</t:p></t:note-body></t:note></t:p></o:text>"""
        self.assertEqual(read(opendocument, odf(body)), ["Title two A note"] * 2)

    def test_ods(self):
        body = """<o:spreadsheet><table:table table:name="Sheet A"><table:table-row table:number-rows-repeated="2">
            <table:table-cell o:value-type="float" o:value="1234.5"><t:p>1,234.50</t:p></table:table-cell>
            <table:table-cell o:value-type="percentage" o:value="0.25"><t:p>25%</t:p></table:table-cell>
            <table:table-cell o:value-type="date" o:date-value="2024-01-10T10:00:00"/>
            <table:table-cell o:value-type="time" o:time-value="PT10H30M00S"/></table:table-row>
            <table:table-row table:number-rows-repeated="1048576"><table:table-cell table:number-columns-repeated="16384"/></table:table-row>
            </table:table></o:spreadsheet>"""
        row = " 1234.5 {0} 2024-01-10 10:00:00 10:30:00"
        expected = ("Sheet A" + row * 2).format
        self.assertEqual(read(opendocument, odf(body)), [expected("0.25"), expected("25")])

    def test_odp(self):
        body = """<o:presentation><d:page><d:frame p:class="title"><t:p>Title</t:p></d:frame><d:frame p:class="footer"><t:p>no</t:p></d:frame>
            <p:notes><d:frame p:class="notes"><t:p>Notes</t:p></d:frame></p:notes></d:page></o:presentation>"""
        self.assertEqual(read(opendocument, odf(body)), ["Title Notes"] * 2)

    def test_what_cannot_be_read(self):
        with self.assertRaises(Unreadable):
            Package(io.BytesIO(b"\xd0\xcf\x11\xe0"))
        with self.assertRaises(Unreadable):
            words.read(package({"a": ""}))


class Values(unittest.TestCase):
    def test_numbers_have_fifteen_digits(self):
        self.assertEqual([number(text) for text in ("3", "3.0", "0.30000000000000004", "1E-5", "n/a")], ["3", "3", "0.3", "1e-05", "n/a"])

    def test_dates(self):
        self.assertEqual([date(text, False) for text in ("0.5", "1", "61", "45301.5")], ["12:00:00", "1900-01-01", "1900-03-01", "2024-01-10 12:00:00"])
        self.assertEqual(date("0", True), "1904-01-01")
        self.assertEqual(date("1e300", False), "1e300")

    def test_codes_of_formats(self):
        kinds = {"General": "", '0.0 "days"': "", "[Red]0.0": "", "0.0%": "percent", "yyyy\\-mm\\-dd": "date", "[h]:mm": "date", "[$-409]d mmm;@": "date"}
        self.assertEqual({code: kind_of_code(code) for code in kinds}, kinds)


if __name__ == "__main__":
    unittest.main()
