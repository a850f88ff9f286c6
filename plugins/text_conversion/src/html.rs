//! HTML to markdown.

use crate::html_marks::{BAR_TEXT, CODE, tidy, without_marks};
use crate::{html_tree, text};
use htmd::element_handler::Handlers;
use htmd::options::{BulletListMarker, HrStyle, Options};
use htmd::{Element, HtmlToMarkdown, Node};
use html5ever::tendril::StrTendril;
use html5ever::{Attribute, LocalName, QualName, local_name, ns};
use markup5ever_rcdom::NodeData;
use morag_conversion::address::target;
use morag_conversion::document::{Properties, keywords, property};
use morag_conversion::escape::{code_span, label, push_fenced, push_heading};
use morag_conversion::formats;
use morag_conversion::images::data_uri;
use morag_conversion::link::picture;
use morag_conversion::{Converted, Images, dates, failures, markdown};
use morag_step::Failure;
use std::cell::RefCell;
use std::rc::Rc;

/// Bytes of HTML: its tree takes up to twenty times that, in a step of 512 MiB.
const HTML_BYTES_MAX: usize = 16 << 20;
/// Elements within elements. Pages nest under 60; the writer recurses, and a step's stack is 512 KiB.
const DEPTH_MAX: usize = 100;
/// Bytes in which an encoding is declared, as browsers have it.
const CHARSET_BYTES: usize = 1024;

/// Attribute of a picture with the markdown that stands for it. No page has one of this name, since a blank ends a name there.
const REFERENCE: &str = "the reference";
/// Attribute of preformatted text that stands within a line, where it cannot be a block. No page has one of this name either.
const WITHIN_LINE: &str = "within a line";
/// Elements that are not written.
const SKIPPED: [&str; 12] = [
    "script", "style", "noscript", "template", "title", "svg", "math", "iframe", "object", "canvas", "select", "button",
];

/// Converts a page: headings, lists and tables are kept, scripts and styles left out.
///
/// # Errors
/// `EMPTY_DOCUMENT`, `DOCUMENT_TOO_LARGE`, `CORRUPT_DOCUMENT` where its elements are nested, or opened again,
/// without end.
pub fn convert(bytes: &[u8], images: &Images<'_>) -> Result<Converted, Failure> {
    if bytes.len() > HTML_BYTES_MAX {
        let size = bytes.len();
        return Err(failures::too_large(format!(
            "it has {size} bytes of HTML, and at most {HTML_BYTES_MAX} are converted"
        )));
    }
    let declared = charset(bytes);
    let (source, label) = text::read(bytes, declared.as_deref())?;
    let writer = writer();
    let tree = html_tree::parse(&source).map_err(|reason| failures::corrupt(&formats::HTML, reason))?;
    let found = look(&tree, images);
    let mut out = markdown::finish(&tidy(&writer.tree_to_markdown(&tree)));
    if out.is_empty() {
        return Err(failures::empty("the page has no text"));
    }
    if let Some(title) = found.properties.title.as_deref().filter(|_| !found.has_heading) {
        let mut with_title = String::new();
        push_heading(&mut with_title, 1, title);
        with_title.push_str(&out);
        out = with_title;
    }
    Ok(Converted {
        encoding: Some(label),
        properties: found.properties,
        ..Converted::without_pages(&formats::HTML, out)
    })
}

/// Gives a table a cell for every place that a cell over several rows or columns covers, so that what follows stays under
/// its heading: markdown has no such cells.
fn spread_cells(table: &Rc<Node>) {
    // More columns no table for people has; a cell may claim any number.
    const SPAN_MAX: usize = 100;
    // For each column, how many rows more it is covered from above.
    let mut covered: Vec<usize> = Vec::new();
    for row in rows_of(table) {
        let mut cells = Vec::new();
        let mut column = 0;
        let cover = |covered: &mut Vec<usize>, column: &mut usize, cells: &mut Vec<Rc<Node>>| {
            while let Some(left) = covered.get_mut(*column).filter(|left| **left > 0) {
                *left -= 1;
                *column += 1;
                cells.push(empty_cell());
            }
        };
        for child in row.children.borrow().iter() {
            let NodeData::Element { name, attrs, .. } = &child.data else { continue };
            if !matches!(&*name.local, "td" | "th") {
                continue;
            }
            cover(&mut covered, &mut column, &mut cells);
            let attrs = attrs.borrow();
            let span = |name: &str| {
                let value =
                    attrs.iter().find(|attr| &*attr.name.local == name).and_then(|attr| attr.value.trim().parse().ok());
                value.unwrap_or(1).clamp(1, SPAN_MAX)
            };
            let (wide, high) = (span("colspan"), span("rowspan"));
            cells.push(child.clone());
            cells.extend((1..wide).map(|_| empty_cell()));
            covered.resize(covered.len().max(column + wide), 0);
            covered[column..column + wide].fill(high - 1);
            column += wide;
        }
        cover(&mut covered, &mut column, &mut cells);
        *row.children.borrow_mut() = cells;
    }
}

/// The rows of a table, without those of tables within it.
fn rows_of(table: &Rc<Node>) -> Vec<Rc<Node>> {
    let mut rows = Vec::new();
    for child in table.children.borrow().iter() {
        let NodeData::Element { name, .. } = &child.data else { continue };
        match &*name.local {
            "tr" => rows.push(child.clone()),
            "thead" | "tbody" | "tfoot" => rows.extend(rows_of(child)),
            _ => {}
        }
    }
    rows
}

fn empty_cell() -> Rc<Node> {
    let name = QualName::new(None, ns!(html), local_name!("td"));
    let (attrs, template_contents) = (RefCell::new(Vec::new()), RefCell::new(None));
    Node::new(NodeData::Element { name, attrs, template_contents, mathml_annotation_xml_integration_point: false })
}

fn writer() -> HtmlToMarkdown {
    let options = Options {
        bullet_list_marker: BulletListMarker::Dash,
        ul_bullet_spacing: 1,
        ol_number_spacing: 1,
        hr_style: HrStyle::Dashes,
        ..Options::default()
    };
    HtmlToMarkdown::builder()
        .options(options)
        // What is said to readers without scripts is left out too.
        .scripting_enabled(false)
        .skip_tags(SKIPPED.to_vec())
        .add_handler(vec!["img"], |_: &dyn Handlers, element: Element| {
            let value =
                |name: &str| element.attrs.iter().find(|attr| &*attr.name.local == name).map(|attr| &*attr.value);
            if let Some(reference) = value(REFERENCE) {
                return Some(reference.replace('|', BAR_TEXT).into());
            }
            // Of a picture within the page, which is bytes in letters, only its text is of use.
            let picture = picture(value("alt").unwrap_or_default(), value("src")?, value("title"));
            (!picture.is_empty()).then(|| picture.replace('|', BAR_TEXT).into())
        })
        // The writer's own handlers pass on what is within these as it is.
        .add_handler(vec!["span"], |handlers: &dyn Handlers, element: Element| {
            Some(handlers.walk_children(element.node))
        })
        .add_handler(vec!["code"], |_: &dyn Handlers, element: Element| Some(code(element.node).into()))
        .add_handler(vec!["pre"], |_: &dyn Handlers, element: Element| {
            if element.attrs.iter().any(|attr| &*attr.name.local == WITHIN_LINE) {
                return Some(format!(" {} ", code(element.node)).into());
            }
            let Code { text, language, references } = code_of(element.node);
            let text = text.strip_prefix('\n').unwrap_or(&text).trim_end();
            let mut out = String::from("\n\n");
            if !text.trim().is_empty() {
                push_fenced(&mut out, &language, text);
            }
            Some(format!("{out}\n{references}\n\n").into())
        })
        .build()
}

/// What is in an element of code.
#[derive(Default)]
struct Code {
    text: String,
    language: String,
    /// Of the pictures in it, which no code can show.
    references: String,
}

fn code_of(node: &Rc<Node>) -> Code {
    let mut code = Code::default();
    let mut open = vec![(node.clone(), false)];
    while let Some((node, is_end)) = open.pop() {
        match &node.data {
            NodeData::Text { contents } => code.text.push_str(&contents.borrow()),
            NodeData::Element { name, attrs, .. } if !SKIPPED.contains(&&*name.local) => {
                let name = &*name.local;
                let is_line = matches!(name, "div" | "p" | "li" | "tr");
                if is_line && !code.text.is_empty() && !code.text.ends_with('\n') || name == "br" {
                    code.text.push('\n');
                }
                if is_end {
                    continue;
                }
                for attr in attrs.borrow().iter() {
                    match &*attr.name.local {
                        REFERENCE => code.references.push_str(&attr.value.replace('|', BAR_TEXT)),
                        "class" if code.language.is_empty() => {
                            let own = attr.value.split_whitespace().find_map(|class| class.strip_prefix("language-"));
                            code.language.push_str(own.unwrap_or_default());
                        }
                        _ => {}
                    }
                }
                if is_line {
                    open.push((node.clone(), true));
                }
                open.extend(node.children.borrow().iter().rev().map(|child| (child.clone(), false)));
            }
            _ => {}
        }
    }
    code
}

/// An element of code within a line.
fn code(node: &Rc<Node>) -> String {
    let Code { text, references, .. } = code_of(node);
    let code = code_span(&text);
    if code.is_empty() { references } else { format!("{CODE}{code}{CODE}{references}") }
}

struct Found {
    properties: Properties,
    has_heading: bool,
}

/// What the elements around a node say about it.
#[derive(Clone, Copy)]
struct Around {
    depth: usize,
    is_written: bool,
    in_code: bool,
    /// Blocks are not possible here.
    in_line: bool,
    in_cell: bool,
}

/// Reads what the head says, takes the pictures within the page, and cuts the tree where it is deeper than the writer can go: what is below
/// stays as text.
fn look(tree: &Rc<Node>, images: &Images<'_>) -> Found {
    let mut properties = Properties::default();
    let mut has_heading = false;
    let root = Around { depth: 0, is_written: true, in_code: false, in_line: false, in_cell: false };
    let mut open = vec![(tree.clone(), root)];
    while let Some((node, around)) = open.pop() {
        let mut within = Around { depth: around.depth + 1, ..around };
        if let NodeData::Text { contents } = &node.data {
            let text = without_marks(&contents.borrow(), around.in_code);
            *contents.borrow_mut() = text;
        }
        if let NodeData::Element { name, attrs, .. } = &node.data {
            within.is_written &= !SKIPPED.contains(&&*name.local);
            match &*name.local {
                "img" if within.is_written => take_picture(&mut attrs.borrow_mut(), images),
                "a" => {
                    take_link(&mut attrs.borrow_mut());
                    within.in_line = true;
                }
                "code" => within.in_code = true,
                "pre" => {
                    within.in_code = true;
                    if around.in_line {
                        let name = QualName::new(None, ns!(), LocalName::from(WITHIN_LINE));
                        attrs.borrow_mut().push(Attribute { name, value: StrTendril::new() });
                    }
                }
                "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "b" | "strong" | "i" | "em" | "caption" => {
                    within.in_line = true;
                }
                // A cell is a line where its table is written as one.
                "table" => within.in_line |= !around.in_cell && has_header(&node),
                "td" | "th" => within.in_cell = true,
                _ => {}
            }
            let attrs = attrs.borrow();
            let value =
                |name: &str| attrs.iter().find(|attr| &*attr.name.local == name).and_then(|attr| property(&attr.value));
            match &*name.local {
                "html" => properties.language = value("lang"),
                "title" if properties.title.is_none() => properties.title = property(&text_of(&node)),
                "table" => spread_cells(&node),
                "h1" => has_heading |= !text_of(&node).trim().is_empty(),
                "meta" => {
                    let key = value("name").or(value("property")).unwrap_or_default().to_ascii_lowercase();
                    if let Some(content) = value("content") {
                        meta(&mut properties, &key, content);
                    }
                }
                _ => {}
            }
        }
        if around.depth >= DEPTH_MAX && !node.children.borrow().is_empty() {
            let text = without_marks(&text_of(&node), within.in_code);
            *node.children.borrow_mut() = vec![Node::new(NodeData::Text { contents: RefCell::new(text) })];
            continue;
        }
        // Reversed, so that the first is popped first.
        open.extend(node.children.borrow().iter().rev().map(|child| (child.clone(), within)));
    }
    Found { properties, has_heading }
}

/// Whether a table has cells of headings, so that it is written as a table.
fn has_header(table: &Rc<Node>) -> bool {
    let mut open: Vec<Rc<Node>> = table.children.borrow().iter().cloned().collect();
    while let Some(node) = open.pop() {
        if let NodeData::Element { name, .. } = &node.data {
            match &*name.local {
                "th" | "thead" => return true,
                "table" => continue,
                _ => {}
            }
        }
        open.extend(node.children.borrow().iter().cloned());
    }
    false
}

/// Gives a picture that is within the page the markdown that stands for it, if it becomes a file.
fn take_picture(attributes: &mut Vec<Attribute>, images: &Images<'_>) {
    let value =
        |name: &str| attributes.iter().find(|attribute| &*attribute.name.local == name).map(|attr| &*attr.value);
    let Some(address) = value("src") else { return };
    let Some(reference) = images.figure(None, value("alt"), || data_uri(address)) else { return };
    let name = QualName::new(None, ns!(), LocalName::from(REFERENCE));
    attributes.push(Attribute { name, value: reference.into() });
}

/// Gives a link the address and the title that can stand in markdown; one that no reader should follow is text. The writer puts a backslash
/// before quotation marks by itself.
fn take_link(attributes: &mut Vec<Attribute>) {
    attributes.retain_mut(|attribute| {
        let value = match &*attribute.name.local {
            "href" => target(&attribute.value),
            "title" => Some(label(&attribute.value).replace('|', BAR_TEXT)),
            _ => return true,
        };
        let Some(value) = value.filter(|value| !value.is_empty()) else { return false };
        attribute.value = value.into();
        true
    });
}

fn meta(properties: &mut Properties, key: &str, content: String) {
    let into = match key {
        "author" | "dc.creator" | "dcterms.creator" | "article:author" => &mut properties.author,
        "description" | "dc.description" | "og:description" => &mut properties.subject,
        "generator" => &mut properties.creator,
        "date" | "dc.date" | "dcterms.date" | "dcterms.created" | "article:published_time" => {
            properties.creation_date = properties.creation_date.take().or_else(|| dates::iso(&content));
            return;
        }
        "dcterms.modified" | "article:modified_time" | "last-modified" => {
            properties.modification_date = properties.modification_date.take().or_else(|| dates::iso(&content));
            return;
        }
        "keywords" => {
            properties.keywords = keywords(&content);
            return;
        }
        _ => return,
    };
    if into.is_none() {
        *into = Some(content);
    }
}

/// The text below a node, without that of scripts and styles, words kept apart.
fn text_of(node: &Rc<Node>) -> String {
    let mut out = String::new();
    let mut open = vec![node.clone()];
    while let Some(node) = open.pop() {
        match &node.data {
            NodeData::Text { contents } => out.push_str(&contents.borrow()),
            NodeData::Element { name, .. } if matches!(&*name.local, "script" | "style" | "noscript" | "template") => {}
            data => {
                if matches!(data, NodeData::Element { .. }) && !out.ends_with(char::is_whitespace) {
                    out.push(' ');
                }
                open.extend(node.children.borrow().iter().rev().cloned());
            }
        }
    }
    out
}

/// The encoding that a page's `meta` names.
fn charset(bytes: &[u8]) -> Option<String> {
    let head = bytes[..bytes.len().min(CHARSET_BYTES)].to_ascii_lowercase();
    let head = String::from_utf8_lossy(&head);
    let after = &head[head.find("charset=")? + "charset=".len()..];
    let label = after.trim_start_matches(['"', '\'', ' ']);
    let end = label.find(|c: char| !(c.is_ascii_alphanumeric() || "-_:.".contains(c))).unwrap_or(label.len());
    (end > 0).then(|| label[..end].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use morag_conversion::encoding::decode;
    use proptest::prelude::*;
    use pulldown_cmark::{Event, Parser, Tag};

    fn page(body: &str) -> String {
        convert(body.as_bytes(), &Images::none()).unwrap().markdown
    }

    #[test]
    fn headings_lists_and_tables_are_kept_and_scripts_dropped() {
        let markdown = page(
            "<html><head><title>T</title><style>p{}</style><script>var x</script></head><body><h1>One</h1><p>A <b>bold</b> \
             word</p><ul><li>a<ul><li>b</li></ul></li><li>c</li></ul><table><tr><th>N</th><th>M</th></tr><tr><td>1</td>\
             <td>2|3</td></tr></table><noscript>no</noscript></body></html>",
        );
        assert!(markdown.starts_with("# One\n"), "{markdown}");
        assert!(markdown.contains("A **bold** word"), "{markdown}");
        assert!(markdown.contains("- a\n  - b\n- c"), "{markdown}");
        assert!(markdown.contains("| N | M |\n| - | --- |\n| 1 | 2\\|3 |\n"), "{markdown}");
        assert!(!markdown.contains("var x") && !markdown.contains("p{}") && !markdown.contains("no\n"), "{markdown}");
    }

    #[test]
    fn the_title_stands_in_for_a_missing_heading() {
        let converted = convert(
            b"<html lang=de><title>My *page*</title><meta name=author content='Jo'><meta property='article:published_time' \
              content='2024-03-04T10:00:00Z'><p>text",
            &Images::none(),
        )
        .unwrap();
        assert_eq!(converted.markdown, "# My \\*page\\*\n\ntext\n");
        assert_eq!(converted.properties.title.as_deref(), Some("My *page*"));
        assert_eq!(converted.properties.author.as_deref(), Some("Jo"));
        assert_eq!(converted.properties.language.as_deref(), Some("de"));
        assert_eq!(converted.properties.creation_date.as_deref(), Some("2024-03-04T10:00:00Z"));
    }

    #[test]
    fn cells_over_several_rows_and_columns_keep_the_others_in_their_columns() {
        let markdown = page(
            "<table><tr><th>A<th>B<th>C</tr><tr><td rowspan=2>1<td>2<td>3</tr><tr><td>4<td>5</tr><tr><td colspan=2>6<td>7</tr></table>",
        );
        assert!(markdown.contains("| 1 | 2 | 3 |\n| | 4 | 5 |\n| 6 | | 7 |"), "{markdown}");
    }

    #[test]
    fn blank_lines_are_one() {
        assert_eq!(page("<p>a<p>&nbsp;<p>&nbsp;<p>b"), "a\n\nb\n");
    }

    #[test]
    fn encodings_are_declared_in_the_page() {
        let (bytes, _, _) = encoding_rs::ISO_8859_2.encode("<meta charset='iso-8859-2'><p>Žluťoučký kůň");
        assert_eq!(convert(&bytes, &Images::none()).unwrap().markdown, "Žluťoučký kůň\n");
        assert_eq!(decode(&bytes, charset(&bytes).as_deref()).1, "iso-8859-2");
    }

    #[test]
    fn pictures_in_the_page_are_left_out() {
        let markdown = page("<p>a <img src='data:image/png;base64,AAAA' alt='Logo'> <img src='b.png' alt='B'>");
        assert_eq!(markdown, "a Logo ![B](b.png)\n");
    }

    /// Links and pictures of a page's markdown; anything else but text and paragraphs is an error.
    fn links_of(markdown: &str) -> Vec<(String, String)> {
        let mut links = Vec::new();
        for event in Parser::new(markdown) {
            match event {
                Event::Start(Tag::Link { dest_url, title, .. } | Tag::Image { dest_url, title, .. }) => {
                    links.push((dest_url.into_string(), title.into_string()));
                }
                Event::Text(_) | Event::SoftBreak | Event::Start(Tag::Paragraph) | Event::End(_) => {}
                event => panic!("{event:?} of {markdown}"),
            }
        }
        links
    }

    #[test]
    fn attributes_of_a_page_become_no_markup() {
        for (body, kept) in [
            ("<img alt=\"](http://a) &lt;script>alert(1)&lt;/script> ![b\" src=s.png>", vec![("s.png", "")]),
            ("<p>x <img alt='<script>alert(2)</script>' src=s.png> y", vec![("s.png", "")]),
            ("<p>x <img alt='a\n\n# H\n\n| a | b |\n|---|---|\n\nb' src=s.png> y", vec![("s.png", "")]),
            (
                "<img alt=a title='t&quot;) [z](javascript:1) <script>' src=s.png>",
                vec![("s.png", "t\") [z](javascript:1) <script>")],
            ),
            (
                "<img alt=a src='s.png) <script>alert(4)</script> ![b](x'>",
                vec![("s.png%29%20%3Cscript%3Ealert%284%29%3C/script%3E%20![b]%28x", "")],
            ),
            (
                "<a href='http://a) <script>alert(5)</script> [b](x'>l</a>",
                vec![("http://a%29%20%3Cscript%3Ealert%285%29%3C/script%3E%20[b]%28x", "")],
            ),
            ("<a href='http://a\n\n# H\n\n'>l</a>", vec![("http://a#%20H", "")]),
            ("<a href=http://a title='q&quot; <script>\n\n# H2 \\'>l</a>", vec![("http://a", "q\" <script> # H2 \\")]),
            (
                "<p>a <a href='javascript:alert(1)'>c</a> <a href=' JaVaScRiPt:1'>c</a> <a href='data:text/html;base64,x'>d</a> <a href=vbscript:x>v</a>",
                vec![],
            ),
            (
                "<p>a <a href='x.html'>c</a> <a href='?a=1&amp;b=2#d'>c</a> <a href=mailto:a@b>m</a> <a href=tel:1>t</a> <a href=ftp://f>f</a>",
                vec![("x.html", ""), ("?a=1&b=2#d", ""), ("mailto:a@b", ""), ("tel:1", ""), ("ftp://f", "")],
            ),
            ("<img src='data:image/png;base64,AAAA' alt='](x) # <b>\n\n# c'> <img src=data:x alt='# d'>", vec![]),
            ("<p>a <img src='javascript:1' alt='b'> <img src='' alt=c>", vec![]),
        ] {
            let kept: Vec<_> =
                kept.into_iter().map(|(address, title)| (address.to_owned(), title.to_owned())).collect();
            assert_eq!(links_of(&page(body)), kept, "{body}");
        }
        assert_eq!(page("<p>a <a href='javascript:1'>click</a>"), "a click\n");
        let title = page("<title># t <script>alert(7)</script>\n\n# x &amp;lt;</title><p>body</p>");
        assert_eq!(title, "# # t \\<script>alert(7)\\</script> # x \\&lt;\n\nbody\n");
        let cells =
            page("<table><tr><th>a<th>b<tr><td><img alt='p | q\n| evil' src='x|y'><td><a href='c|d'>e</a></table>");
        assert!(cells.ends_with("| ![p \\| q \\| evil](x%7Cy) | [e](c%7Cd) |\n"), "{cells}");
    }

    #[test]
    fn preformatted_text_is_a_block_of_code_with_its_lines() {
        assert_eq!(
            page("<p>a<pre>\n  x &lt;b&gt; ```\n\n  *y*|\n</pre>c"),
            "a\n\n````\n  x <b> ```\n\n  *y*|\n````\n\nc\n"
        );
        assert_eq!(
            page(
                "<pre class=x><code class='y\nlanguage-c++ z'><span>a;</span><br>b<div>c</div><div>d</div></code></pre>"
            ),
            "```c++\na;\nb\nc\nd\n```\n"
        );
        assert_eq!(
            page("<ol><li>a<pre>b\n\n| c |</pre><li>d</ol>"),
            "1. a\n\n   ```\n   b\n\n   | c |\n   ```\n\n2. d\n"
        );
        assert_eq!(page("<blockquote><pre>a\n| b |</pre></blockquote>"), "> ```\n> a\n> | b |\n> ```\n");
        assert_eq!(page("<table><tr><td><pre>a\nb</pre></table>"), "```\na\nb\n```\n");
        assert_eq!(page("<table><tr><th>h<tr><td><pre>a\n|b</pre></table>"), "| h |\n| --- |\n| `a \\|b` |\n");
        assert_eq!(page("<h2>a <pre>b\nc</pre>d</h2>"), "## a `b c` d\n");
        assert_eq!(page("<pre>  \n </pre>a"), "a\n");
    }

    #[test]
    fn code_within_a_line_is_one_line() {
        assert_eq!(page("<p>a <code>b\n <b>c</b>`</code><code></code><kbd>d</kbd>"), "a `` b c` ``d\n");
        assert_eq!(page("<p><code>a</code><code id=b>b</code>"), "`a` `b`\n");
    }

    #[test]
    fn only_what_would_be_markup_is_escaped() {
        let same = "AT&T, Q&A: 3 < 5 | a&b=c! <5 a<";
        assert_eq!(page(&format!("<p>{}", same.replace('&', "&amp;").replace('<', "&lt;"))), format!("{same}\n"));
        assert_eq!(page("<p>&amp;lt; Oh!<a href=b>c</a> &lt;<b>d</b>"), "\\&lt; Oh\\![c](b) <**d**\n");
        assert_eq!(page("<p>a\u{1}b\u{5}&#4;c<img alt='d\u{4}' src=e>"), "abc![d](e)\n");
    }

    #[test]
    fn deep_nesting_keeps_its_text() {
        let markdown = page(&format!("{}deep <b>down</b>", "<div><ul><li>".repeat(300)));
        assert!(markdown.contains("deep") && markdown.contains("down"));
    }

    #[test]
    fn nesting_without_end_is_refused_in_time() {
        let failure = convert("<div>".repeat(500_000).as_bytes(), &Images::none()).unwrap_err();
        assert_eq!(failure.code, "CORRUPT_DOCUMENT");
        assert!(failure.message.contains("nested"), "{}", failure.message);
    }

    #[test]
    fn nothing_is_empty() {
        assert_eq!(convert(b"<html><script>1</script></html>", &Images::none()).unwrap_err().code, "EMPTY_DOCUMENT");
    }

    proptest! {
        #[test]
        fn any_tags_are_some_page(parts in proptest::collection::vec(
            prop_oneof![Just("<table>"), Just("<tr>"), Just("<td>"), Just("</table>"), Just("<ul>"), Just("<li>"), Just("</ul>"),
                Just("<pre>"), Just("<a href=x>"), Just("</a>"), Just("<b>"), Just("text "), Just("é|`*"), Just("<h2>"), Just("<!--")],
            0..30,
        )) {
            let converted = convert(parts.concat().as_bytes(), &Images::none());
            prop_assert!(converted.map_or_else(|failure| failure.code == "EMPTY_DOCUMENT", |done| !done.markdown.is_empty()));
        }

        #[test]
        fn any_bytes_are_some_page(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(convert(&bytes, &Images::none()).map_or_else(|failure| failure.code == "EMPTY_DOCUMENT", |done| !done.markdown.is_empty()));
        }
    }
}
