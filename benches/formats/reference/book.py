"""Text of an epub."""
import codecs
import html.parser
import posixpath
import urllib.parse

from package import Unreadable, attribute, within

DROPPED = {"script", "style", "head", "template", "title", "desc", "annotation", "annotation-xml"}
INLINE = set(
    "a abbr acronym b bdi bdo big cite code data del dfn em font i ins kbd mark q ruby rb s samp small span strike strong sub sup time tt u "
    "var wbr".split()
)


def read(package):
    name = attribute(next(within(package.xml("META-INF/container.xml"), "rootfile")), "full-path")
    book = package.xml(name)
    encrypted = set()
    if "META-INF/encryption.xml" in package.names:
        # Fonts are, in many books that everybody may read.
        encrypted = {attribute(of, "URI") for of in within(package.xml("META-INF/encryption.xml"), "CipherReference")}
    items = {item.get("id"): item for item in within(book, "item")}
    out = []
    for reference in within(book, "itemref"):
        item = items.get(reference.get("idref"))
        if item is None or "html" not in item.get("media-type", ""):
            continue
        path = posixpath.normpath(posixpath.join(posixpath.dirname(name), urllib.parse.unquote(item.get("href", ""))))
        if path in encrypted:
            raise Unreadable("encrypted")
        with package.open(path) as file:
            page = Page()
            page.feed(decoded(file.read()))
            page.close()
        out.extend(page.out)
    return ["".join(out)]


def decoded(content):
    utf_16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return content.decode("utf-16" if utf_16 else "utf-8-sig", "replace")


class Page(html.parser.HTMLParser):
    """Collects the text of a page."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.out = ["\n"]
        self.dropped = []

    def handle_starttag(self, tag, attrs):
        self.handle_startendtag(tag, attrs)
        if name(tag) in DROPPED:
            self.dropped.append(name(tag))

    def handle_startendtag(self, tag, attrs):
        if name(tag) not in INLINE:
            self.out.append("\n")

    def handle_endtag(self, tag):
        if self.dropped and self.dropped[-1] == name(tag):
            self.dropped.pop()
        self.handle_startendtag(tag, None)

    def handle_data(self, data):
        if not self.dropped:
            self.out.append(data)


def name(tag):
    return tag.rsplit(":", 1)[-1]
