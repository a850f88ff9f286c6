//! Text: paragraphs, headings, lists, tables, frames.

use super::reader::Reader;
use crate::math;
use crate::package::resolve;
use crate::write::{Inline, Style, escape};
use crate::xml::{Element, Item};

/// Repetitions of a cell or row that are written: what repeats more often is filling.
const REPEATS_MAX: usize = 64;
/// Bytes of a text that is repeated.
const REPEATED_BYTES_MAX: usize = 1000;
/// Spaces that one element may stand for.
const SPACES_MAX: usize = 40;

impl Reader<'_, '_> {
    /// Writes the blocks that an element holds.
    pub fn blocks(&mut self, element: Element<'_, '_>) {
        for child in element.elements() {
            self.block(child);
        }
    }

    fn block(&mut self, element: Element<'_, '_>) {
        match element.name() {
            "h" => {
                let level = element.number::<usize>("outline-level").unwrap_or(1);
                self.paragraph(element, Some(level));
            }
            "p" => {
                let style = element.attribute("style-name");
                let title = self.styles.is_based_on(style.as_deref(), "Title");
                self.paragraph(element, title.then_some(1));
            }
            "list" => {
                let goes_on = element.is("continue-numbering", "true") || element.attribute("continue-list").is_some();
                self.lists.open(element.attribute("style-name"), goes_on);
                for item in element.elements().filter(|item| matches!(item.name(), "list-item" | "list-header")) {
                    self.item(item);
                }
                self.lists.close();
            }
            "table" => self.table(element),
            "frame" | "text-box" | "custom-shape" | "g" | "a" | "rect" | "ellipse" => self.shape(element),
            "tracked-changes" | "forms" | "sequence-decls" | "variable-decls" | "user-field-decls" => {}
            // Sections, indexes and whatever else holds blocks.
            _ => self.blocks(element),
        }
    }

    fn item(&mut self, item: Element<'_, '_>) {
        let mut first = item.name() == "list-item";
        for child in item.elements() {
            let level = self.lists.level().unwrap_or(0);
            match child.name() {
                "p" | "h" => {
                    let mut boxes = Vec::new();
                    let text = self.inline(child, &mut boxes);
                    if first && !text.is_blank() {
                        let (marker, label) = self.lists.next(self.styles, item.number("start-value"));
                        let text = format!("{}{}", escape_label(&label), text.finish());
                        match child.number::<usize>("outline-level").filter(|_| child.name() == "h" && !self.in_cell) {
                            Some(level) if marker == "-" => self.out.heading(level, &text),
                            Some(level) => self.out.heading(level, &format!("{marker} {text}")),
                            None => self.out.item(level, &marker, &text),
                        }
                        first = false;
                    } else {
                        self.out.in_item(level, &text.finish());
                    }
                    boxes.into_iter().for_each(|inner| self.shape(inner));
                }
                _ => self.block(child),
            }
        }
    }

    fn paragraph(&mut self, element: Element<'_, '_>, heading: Option<usize>) {
        let mut boxes = Vec::new();
        let text = self.inline(element, &mut boxes);
        match heading.filter(|_| !self.in_cell) {
            Some(level) => self.out.heading(level, &text.finish()),
            None => self.out.paragraph(&text.finish()),
        }
        boxes.into_iter().for_each(|inner| self.shape(inner));
    }

    /// The text of a paragraph. Frames and boxes that are anchored in it are left in `boxes`.
    pub fn inline<'t, 'a>(&mut self, element: Element<'t, 'a>, boxes: &mut Vec<Element<'t, 'a>>) -> Inline {
        let mut text = Inline::new();
        let style = self.styles.text(element.attribute("style-name").as_deref(), Style::default());
        // A heading is not bold text besides.
        let style = if element.name() == "h" { Style::default() } else { style };
        self.push(&mut text, element, style, boxes);
        text
    }

    fn push<'t, 'a>(
        &mut self,
        text: &mut Inline,
        element: Element<'t, 'a>,
        style: Style,
        boxes: &mut Vec<Element<'t, 'a>>,
    ) {
        for item in element.items() {
            let child = match item {
                // White space is what the elements say; line ends of the file are blanks.
                Item::Text(part) => {
                    text.push(&part.replace(['\n', '\r'], " "), style);
                    continue;
                }
                Item::Char(c) => {
                    text.push(c.encode_utf8(&mut [0; 4]), style);
                    continue;
                }
                Item::Element(child) => child,
            };
            match child.name() {
                "s" => text.push(&" ".repeat(child.number("c").unwrap_or(1).min(SPACES_MAX)), style),
                "tab" => text.plain(" "),
                "line-break" => text.plain("\n"),
                "span" => {
                    let style = self.styles.text(child.attribute("style-name").as_deref(), style);
                    self.push(text, child, style, boxes);
                }
                "a" => {
                    text.link(child.attribute("href").as_deref());
                    self.push(text, child, style, boxes);
                    text.link(None);
                }
                "note" => {
                    let end = child.is("note-class", "endnote");
                    if let Some(body) = child.child("note-body") {
                        let said = self.apart(|reader| reader.blocks(body));
                        self.note(text, usize::from(end), said);
                    }
                }
                "annotation" => {
                    let author = child.child("creator").map(|author| escape(&author.text())).unwrap_or_default();
                    let said = self.apart(|reader| {
                        child
                            .elements()
                            .filter(|child| matches!(child.name(), "p" | "list"))
                            .for_each(|child| reader.block(child));
                    });
                    let said = if author.is_empty() { said } else { format!("{author}: {said}") };
                    self.note(text, 2, said);
                }
                "frame" => match self.equation(child) {
                    Some(latex) => text.raw(&math::inline(&latex)),
                    None => match self.picture(child) {
                        Some(reference) => text.raw(&reference),
                        None => boxes.push(child),
                    },
                },
                "custom-shape" | "g" | "text-box" | "rect" | "ellipse" => boxes.push(child),
                // Numbers of pages, and marks.
                "page-number" | "page-count" | "annotation-end" | "bookmark" | "tracked-changes" | "change" => {}
                "ruby" => child.all("ruby-base").for_each(|base| self.push(text, base, style, boxes)),
                _ => self.push(text, child, style, boxes),
            }
        }
    }

    fn note(&mut self, text: &mut Inline, kind: usize, said: String) {
        if said.trim().is_empty() {
            return;
        }
        self.counts[kind] += 1;
        let label = format!("{}{}", ["", "e", "c"][kind], self.counts[kind]);
        text.raw(&format!("[^{label}]"));
        self.notes.push((label, said));
    }

    fn equation(&self, frame: Element<'_, '_>) -> Option<String> {
        let object = frame.child("object")?;
        if let Some(own) = object.child("math") {
            return Some(math::mathml(own));
        }
        let link = object.attribute("href")?;
        self.object(&link, |root| (root.name() == "math").then(|| math::mathml(root)))?
    }

    /// The reference to a frame's picture: the first of several, which stand in for each other. The picture of an object is not one, since
    /// the object is read.
    fn picture(&self, frame: Element<'_, '_>) -> Option<String> {
        if frame.name() != "frame" || frame.child("object").is_some() {
            return None;
        }
        let said = |name: &str| frame.child(name).map(Element::text).filter(|text| !text.trim().is_empty());
        let alt = said("desc").or_else(|| said("title"));
        let part = |image: Element<'_, '_>| Some(resolve("", &image.attribute("href")?));
        frame.all("image").filter_map(part).find_map(|part| self.package.figure(&part, alt.as_deref()))
    }

    /// A frame or a drawn shape: its picture, its text, its table, the numbers of its chart.
    pub fn shape(&mut self, element: Element<'_, '_>) {
        if let Some(reference) = self.picture(element) {
            return self.out.paragraph(&reference);
        }
        for child in element.elements() {
            match child.name() {
                "object" => match self.equation(element) {
                    Some(latex) => self.out.paragraph(&math::display(&latex)),
                    None => self.chart(child),
                },
                // A picture, what stands in for an object, and words about them.
                "image" | "title" | "desc" | "enhanced-geometry" | "event-listeners" | "glue-point" | "thumbnail"
                | "plugin" => {}
                _ => self.block(child),
            }
        }
    }

    fn chart(&mut self, object: Element<'_, '_>) {
        let Some(link) = object.attribute("href") else { return };
        let rows = self.object(&link, |root| {
            let chart = root.at(&["body", "chart", "chart"])?;
            let title = chart.child("title").map(|title| title.text());
            let cell = |cell: Element<'_, '_>| {
                let value = cell.number::<f64>("value").filter(|_| cell.is("value-type", "float"));
                // Beside its text a cell says which cells of a sheet it is of.
                let text = || cell.all("p").map(|paragraph| paragraph.text()).collect::<Vec<_>>().join(" ");
                value.map_or_else(|| escape(text().trim()), crate::sheets::number::general)
            };
            let row = |row: Element<'_, '_>| row.all("table-cell").map(cell).collect::<Vec<_>>();
            let rows: Vec<Vec<String>> = chart.child("table")?.within("table-row").into_iter().map(row).collect();
            Some((title, rows))
        });
        if let Some((title, rows)) = rows.flatten() {
            self.out.paragraph(&escape(&title.unwrap_or_default()));
            self.out.table(&rows);
        }
    }

    /// A table. A cell over several columns or rows stands in its first place; the others are empty.
    pub fn table(&mut self, table: Element<'_, '_>) {
        let mut found = Vec::new();
        rows(table, &mut found);
        let mut written: Vec<Vec<String>> = Vec::with_capacity(found.len());
        for row in found {
            let mut cells = Vec::new();
            for cell in row.elements() {
                let repeated = cell.number::<usize>("number-columns-repeated").unwrap_or(1).clamp(1, REPEATS_MAX);
                let text = match cell.name() {
                    "table-cell" => self.apart(|reader| reader.blocks(cell)),
                    "covered-table-cell" => String::new(),
                    _ => continue,
                };
                // Long texts are not repeated, and in tables within tables none is: that would multiply.
                let repeated = if self.in_cell || text.len() > REPEATED_BYTES_MAX { 1 } else { repeated };
                cells.extend(std::iter::repeat_n(text, repeated));
            }
            written.push(cells);
        }
        if self.in_cell {
            written.iter().flatten().for_each(|cell| self.out.paragraph(cell));
        } else if let [row] = written.as_slice()
            && let [cell] = row.as_slice()
        {
            // A frame around its content.
            self.out.paragraph(cell);
        } else {
            self.out.table(&written);
        }
    }
}

/// The rows of a table, in groups and heads too.
pub fn rows<'t, 'a>(element: Element<'t, 'a>, found: &mut Vec<Element<'t, 'a>>) {
    for child in element.elements() {
        match child.name() {
            "table-row" => found.push(child),
            "table-header-rows" | "table-rows" | "table-row-group" => rows(child, found),
            _ => {}
        }
    }
}

fn escape_label(label: &str) -> String {
    let text = escape(label.trim());
    if text.is_empty() { text } else { format!("{text} ") }
}
