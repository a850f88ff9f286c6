//! A page of a book as markdown.

use super::table;
use crate::math;
use crate::write::{Blocks, Inline, Style};
use crate::xml::{Element, Item};
use morag_conversion::address::is_relative;
use morag_step::Failure;

#[derive(Debug)]
struct List {
    ordered: bool,
    next: u32,
}

/// The reference to a picture as markdown, by its address in the page and what the page says instead of it; none where it is no file.
pub type Figure<'p> = &'p dyn Fn(&str, Option<&str>) -> Option<String>;

/// A page while it is written.
#[derive(Default)]
pub struct Writer<'p> {
    figure: Option<Figure<'p>>,
    out: Blocks,
    text: Inline,
    style: Style,
    lists: Vec<List>,
    /// The marker of the item whose text comes next.
    marker: Option<String>,
    /// Whether the text so far ends in white space.
    blank: bool,
    /// Within a cell nothing is a heading.
    in_cell: bool,
}

impl<'p> Writer<'p> {
    /// With the pictures of the page.
    pub fn with_figures(figure: Figure<'p>) -> Self {
        Self { figure: Some(figure), ..Self::default() }
    }

    /// The markdown.
    ///
    /// # Errors
    /// `DOCUMENT_TOO_LARGE`.
    pub fn finish(mut self) -> Result<String, Failure> {
        self.flush();
        self.out.finish()
    }

    /// A cell's markdown.
    fn cell(figure: Option<Figure<'p>>, element: Element<'_, '_>) -> String {
        let mut writer = Self { figure, in_cell: true, ..Self::default() };
        writer.write(element);
        writer.flush();
        writer.out.into_text()
    }

    /// Writes what an element holds.
    pub fn write(&mut self, element: Element<'_, '_>) {
        for item in element.items() {
            match item {
                Item::Text(text) => self.text(text),
                Item::Char(c) => self.text(c.encode_utf8(&mut [0; 4])),
                Item::Element(child) => self.element(child),
            }
        }
    }

    fn text(&mut self, text: &str) {
        // White space is one blank, and none at the start of a line.
        let mut shown = String::with_capacity(text.len());
        for c in text.chars() {
            if c.is_ascii_whitespace() {
                if !self.blank {
                    shown.push(' ');
                }
                self.blank = true;
            } else {
                shown.push(c);
                self.blank = false;
            }
        }
        self.text.push(&shown, self.style);
    }

    /// Ends the paragraph.
    fn flush(&mut self) {
        let text = std::mem::take(&mut self.text);
        self.blank = true;
        if text.is_blank() {
            return;
        }
        let text = text.finish();
        let level = self.lists.len().checked_sub(1);
        match (self.marker.take(), level) {
            (Some(marker), Some(level)) => self.out.item(level, &marker, &text),
            (_, Some(level)) => self.out.in_item(level, &text),
            (_, None) => self.out.paragraph(&text),
        }
    }

    fn styled(&mut self, element: Element<'_, '_>, change: impl FnOnce(&mut Style)) {
        let before = self.style;
        change(&mut self.style);
        self.write(element);
        self.style = before;
    }

    fn block(&mut self, element: Element<'_, '_>) {
        self.flush();
        self.write(element);
        self.flush();
    }

    fn element(&mut self, element: Element<'_, '_>) {
        match element.name() {
            "head" | "script" | "style" | "template" | "audio" | "video" | "object" | "iframe" | "rt" | "rp" => {}
            "img" => self.picture(element.attribute("src"), element.attribute("alt")),
            // The picture of a cover is often within a drawing, so that it fills the page.
            "svg" => {
                let title = element.child("title").map(Element::text);
                for image in element.within("image") {
                    self.picture(image.attribute("href"), title.clone());
                }
            }
            "nav" if is_contents(element) => {}
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => self.heading(element),
            "b" | "strong" => self.styled(element, |style| style.bold = true),
            "i" | "em" | "cite" | "dfn" => self.styled(element, |style| style.italic = true),
            "del" | "s" | "strike" => self.styled(element, |style| style.strike = true),
            "code" | "tt" | "kbd" | "samp" => self.styled(element, |style| style.code = true),
            "a" => {
                // A part of the book is none of its own to a reader of the markdown: a link there would lead nowhere.
                let address = element.attribute("href").filter(|address| !is_relative(address));
                self.text.link(address.as_deref());
                self.write(element);
                self.text.link(None);
            }
            "br" => {
                self.text.plain("\n");
                self.blank = true;
            }
            "math" => {
                let latex = math::mathml(element);
                let block = element.is("display", "block");
                self.text.raw(&if block { math::display(&latex) } else { math::inline(&latex) });
                self.blank = false;
            }
            "hr" => {
                self.flush();
                self.out.paragraph("---");
            }
            "ul" | "ol" => {
                self.flush();
                let next = element.number("start").unwrap_or(1);
                self.lists.push(List { ordered: element.name() == "ol", next });
                // What is left of an item around it has been written.
                self.write(element);
                self.flush();
                self.lists.pop();
                self.marker = None;
            }
            "li" => {
                self.flush();
                if let Some(list) = self.lists.last_mut() {
                    let number = element.number("value").unwrap_or(list.next).min(999_999_999);
                    list.next = number + 1;
                    self.marker = Some(if list.ordered { format!("{number}.") } else { "-".into() });
                }
                self.write(element);
                self.flush();
            }
            "dt" => {
                self.flush();
                self.styled(element, |style| style.bold = true);
                self.flush();
            }
            "pre" => {
                self.flush();
                let mut code = String::new();
                preformatted(&mut code, element);
                if self.in_cell || !self.lists.is_empty() {
                    self.text.push(&code, Style::default());
                    self.flush();
                } else {
                    self.out.code(&code);
                }
            }
            "blockquote" => {
                self.flush();
                let mut inner = Self { figure: self.figure, in_cell: self.in_cell, ..Self::default() };
                inner.write(element);
                inner.flush();
                let inner = inner.out.into_text();
                if self.lists.is_empty() && !self.in_cell {
                    let quoted: Vec<String> =
                        inner.lines().map(|line| format!("> {line}").trim_end().to_owned()).collect();
                    self.out.paragraph(&quoted.join("\n"));
                } else {
                    let lines: Vec<&str> = inner.lines().map(|line| line.trim_start_matches(['>', ' '])).collect();
                    self.text.raw(&lines.join("\n"));
                    self.flush();
                }
            }
            "table" => {
                self.flush();
                let rows = table::rows(element, |cell| Self::cell(self.figure, cell));
                match rows.as_slice() {
                    [row] if row.len() == 1 => self.out.paragraph(&row.concat()),
                    rows if self.in_cell => rows.iter().flatten().for_each(|cell| self.out.paragraph(cell)),
                    rows => {
                        if let Some(caption) = element.child("caption") {
                            self.block(caption);
                        }
                        self.out.table(rows);
                    }
                }
            }
            "p" | "div" | "section" | "article" | "aside" | "header" | "footer" | "main" | "figure" | "figcaption"
            | "dl" | "dd" | "body" | "center" | "address" | "hgroup" | "details" | "summary" | "form" | "fieldset"
            | "tr" | "td" | "nav" => self.block(element),
            _ => self.write(element),
        }
    }

    fn picture(&mut self, address: Option<String>, alt: Option<String>) {
        let address = address.filter(|address| !address.trim().is_empty());
        let figure = self.figure.zip(address);
        if let Some(reference) = figure.and_then(|(figure, address)| figure(address.trim(), alt.as_deref())) {
            self.text.raw(&reference);
            self.blank = false;
        }
    }

    fn heading(&mut self, element: Element<'_, '_>) {
        self.flush();
        if self.in_cell || !self.lists.is_empty() {
            return self.block(element);
        }
        self.write(element);
        let text = std::mem::take(&mut self.text).finish();
        self.blank = true;
        let level = usize::from(element.name().as_bytes()[1] - b'0');
        self.out.heading(level, &text);
    }
}

/// Whether an element is a list of contents within a page.
fn is_contents(element: Element<'_, '_>) -> bool {
    element
        .attribute("type")
        .is_some_and(|kind| matches!(kind.as_str(), "toc" | "page-list" | "landmarks" | "lot" | "loi"))
}

/// The text of code as it is laid out.
fn preformatted(out: &mut String, element: Element<'_, '_>) {
    for item in element.items() {
        match item {
            Item::Text(text) => out.push_str(&text.replace('\r', "")),
            Item::Char(c) => out.push(c),
            Item::Element(child) if child.name() == "br" => out.push('\n'),
            Item::Element(child) => preformatted(out, child),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::{Flavour, Tree};

    fn page(body: &str) -> String {
        let tree = Tree::parse(body, Flavour::Xhtml).unwrap();
        let mut writer = Writer::default();
        writer.write(tree.root());
        writer.finish().unwrap()
    }

    #[test]
    fn blocks_of_a_page() {
        let body = "<body><script>no</script><h2>Head &amp;\n <i>line</i></h2><p>one\n <b>two</b>&nbsp;<a href='x.html'>three</a><br/>four</p>\
                    <ol start='3'><li>a<ul><li><p>b</p><p>c</p></li></ul></li><li>d</li></ol><pre>x\n  y</pre>\
                    <blockquote><p>q</p></blockquote><div>loose <p>p</p> end</div><svg><text>no</text></svg></body>";
        let expected = "## Head & *line*\n\none **two**\u{a0}three\nfour\n\n3. a\n   - b\n\n     c\n4. d\n\n```\nx\n  y\n```\n\n> q\n\nloose\n\np\n\nend\n";
        assert_eq!(page(body), expected);
    }

    #[test]
    fn tables_keep_their_columns() {
        let body = "<body><table><tr><th colspan='2'>A</th><th>B</th></tr><tr><td rowspan='2'>1</td><td>2</td><td>3</td></tr>\
                    <tr><td>4</td><td><ul><li>5</li></ul></td></tr></table></body>";
        assert_eq!(page(body), "| A | | B |\n| --- | --- | --- |\n| 1 | 2 | 3 |\n| | 4 | - 5 |\n");
    }

    #[test]
    fn equations_are_latex() {
        assert_eq!(page("<p>so <math><msup><mi>x</mi><mn>2</mn></msup></math></p>"), "so $x^{2}$\n");
    }
}
