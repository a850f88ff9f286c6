"""The files within a document, and their XML."""
import posixpath
import xml.etree.ElementTree as ElementTree
import zipfile


class Unreadable(Exception):
    """The document is damaged or encrypted."""


class Package:
    def __init__(self, path):
        try:
            self.zip = zipfile.ZipFile(path)
        except zipfile.BadZipFile:
            raise Unreadable("no zip file: damaged or encrypted") from None
        self.names = set(self.zip.namelist())

    def open(self, name):
        if name not in self.names:
            raise Unreadable(f"{name} is missing")
        return self.zip.open(name)

    def xml(self, name):
        with self.open(name) as file:
            return ElementTree.parse(file).getroot()

    def related(self, name):
        """Parts to which a part of Office Open XML refers: id, last word of the relation's type, name."""
        folder, file = posixpath.split(name)
        relations = posixpath.join(folder, "_rels", file + ".rels")
        if relations not in self.names:
            return []
        found = []
        for relation in self.xml(relations):
            if relation.get("TargetMode") != "External":
                target = posixpath.normpath(posixpath.join("/" + folder, relation.get("Target", ""))).lstrip("/")
                if target in self.names:
                    found.append((relation.get("Id"), relation.get("Type", "").rsplit("/", 1)[-1], target))
        return found

    def main(self):
        for _, kind, target in self.related(""):
            if kind == "officeDocument":
                return target
        raise Unreadable("no main part")


def local(element):
    """Its name without its namespace; empty for a comment."""
    return element.tag.rsplit("}", 1)[-1] if isinstance(element.tag, str) else ""


def attribute(element, name):
    """By its name, whatever its namespace."""
    return next((value for key, value in element.attrib.items() if key.rsplit("}", 1)[-1] == name), None)


def within(element, name):
    return (found for found in element.iter() if local(found) == name)


def collect(element, out, text_of, apart, dropped):
    """The text of an element and of all below it. `apart`: names of those that are paragraphs or the like. `dropped` are left out."""
    name = local(element)
    if name in dropped:
        return
    if name in apart:
        out.append("\n")
    out.append(text_of(element, name))
    for child in element:
        collect(child, out, text_of, apart, dropped)
    if name in apart:
        out.append("\n")
