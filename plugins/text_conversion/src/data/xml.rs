//! XML: data as JSON is, documents as text. Entities that the document declares itself are not expanded, and nothing outside is read.

use super::write::Writer;
use super::{DATA_BYTES_MAX, DEPTH_MAX, VALUES_MAX, Value};
use crate::text;
use morag_conversion::escape::{inline, push_heading};
use morag_conversion::{Converted, failures, formats, markdown};
use morag_step::Failure;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// Bytes in which an encoding is declared.
const DECLARATION_BYTES: usize = 200;

/// An element.
#[derive(Debug, Default)]
struct Element {
    name: String,
    attributes: Vec<(String, String)>,
    children: Vec<Node>,
}

#[derive(Debug)]
enum Node {
    Element(Element),
    Text(String),
}

/// Converts XML: elements with text between them to paragraphs and headings, data to lists and tables, else the text in a block of code.
///
/// # Errors
/// `EMPTY_DOCUMENT`, `DOCUMENT_TOO_LARGE`.
pub fn convert(bytes: &[u8]) -> Result<Converted, Failure> {
    let (source, label) = text::read(bytes, declared(bytes).as_deref())?;
    if source.trim().is_empty() {
        return Err(failures::empty("the file has no text but white space"));
    }
    let mut warnings = Vec::new();
    let writer = Writer::new(&source, "xml");
    let markdown = match parse(&source) {
        Ok(root) if is_mixed(&root) => {
            let mut out = String::new();
            write_document(&mut out, &root, 1);
            markdown::finish(&out)
        }
        Ok(root) => writer.titled(Some(&root.name), &value_of(&root)),
        Err(reason) => {
            warnings.push(format!("the XML is given as it is written: {reason}"));
            writer.into_written()
        }
    };
    Ok(Converted { encoding: Some(label), warnings, ..Converted::without_pages(&formats::XML, markdown) })
}

/// The encoding that the first line names.
fn declared(bytes: &[u8]) -> Option<String> {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(DECLARATION_BYTES)]).into_owned();
    let (_, after) = head.split_once("<?xml")?;
    let (declaration, _) = after.split_once("?>")?;
    let after =
        declaration[declaration.find("encoding")? + "encoding".len()..].trim_start().strip_prefix('=')?.trim_start();
    let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    after[1..].split(quote).next().map(str::to_owned)
}

fn parse(source: &str) -> Result<Element, String> {
    if source.len() > DATA_BYTES_MAX {
        return Err(format!("it has more than {DATA_BYTES_MAX} bytes"));
    }
    let mut reader = Reader::from_str(source);
    reader.config_mut().allow_dangling_amp = true;
    let mut open: Vec<Element> = vec![Element::default()];
    let mut nodes = 0;
    loop {
        let event = reader.read_event().map_err(|error| error.to_string())?;
        nodes += 1;
        if nodes > VALUES_MAX {
            return Err(format!("more than {VALUES_MAX} elements and texts"));
        }
        let depth = open.len();
        let Some(inner) = open.last_mut() else { return Err("an end without its start".into()) };
        match event {
            Event::Start(start) if depth > DEPTH_MAX => {
                return Err(format!("elements nested more than {DEPTH_MAX} deep, at {}", start.local_name().as_ref()));
            }
            Event::Start(start) => {
                let element = begin(&start, &mut nodes);
                open.push(element);
            }
            Event::Empty(start) => inner.children.push(Node::Element(begin(&start, &mut nodes))),
            Event::End(_) => {
                let ended = open.pop().unwrap_or_default();
                match open.last_mut() {
                    Some(outer) => outer.children.push(Node::Element(ended)),
                    None => return Err("an end without its start".into()),
                }
            }
            Event::Text(text) => push_text(inner, &text.into_inner()),
            Event::CData(text) => push_text(inner, &text.into_inner()),
            Event::GeneralRef(name) => push_text(inner, &resolve(&name.into_inner())),
            Event::Eof => break,
            _ => {}
        }
    }
    if open.len() > 1 {
        return Err(format!("it ends within {}", open.last().map(|element| element.name.as_str()).unwrap_or_default()));
    }
    let children = open.pop().unwrap_or_default().children;
    let root = children.into_iter().find_map(|node| match node {
        Node::Element(element) => Some(element),
        Node::Text(_) => None,
    });
    root.ok_or_else(|| "it has no element".into())
}

fn begin(start: &BytesStart, nodes: &mut usize) -> Element {
    let mut attributes = Vec::new();
    // Without the check for names that are there twice, which compares all with all.
    for attribute in start.attributes().with_checks(false).flatten() {
        *nodes += 1;
        let key = attribute.key.as_ref();
        // Where names come from is of no use to a reader.
        if key == "xmlns" || key.starts_with("xmlns:") || key.starts_with("xsi:") {
            continue;
        }
        attributes.push((attribute.key.local_name().as_ref().to_owned(), unescape(&attribute.value)));
    }
    Element { name: start.local_name().as_ref().to_owned(), attributes, children: Vec::new() }
}

fn push_text(element: &mut Element, text: &str) {
    match element.children.last_mut() {
        Some(Node::Text(before)) => before.push_str(text),
        _ => element.children.push(Node::Text(text.to_owned())),
    }
}

/// A reference by its name: those of XML and numbers; one that the document declares itself stays as it is written.
fn resolve(name: &str) -> String {
    let number = name.strip_prefix('#').and_then(|number| match number.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => number.parse().ok(),
    });
    let c = match name {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        "nbsp" => Some(' '),
        _ => number.and_then(char::from_u32),
    };
    match c {
        Some('\r') => "\n".into(),
        Some(c) if c.is_control() && c != '\n' && c != '\t' => " ".into(),
        Some(c) => c.to_string(),
        None => format!("&{name};"),
    }
}

fn unescape(text: &str) -> String {
    // No name is longer.
    const NAME_BYTES_MAX: usize = 32;
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        match rest.find(';').filter(|end| *end <= NAME_BYTES_MAX) {
            Some(end) => {
                out.push_str(&resolve(&rest[1..end]));
                rest = &rest[end + 1..];
            }
            None => {
                out.push('&');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

fn own_text(element: &Element) -> impl Iterator<Item = &str> {
    element.children.iter().filter_map(|node| match node {
        Node::Text(text) if !text.trim().is_empty() => Some(text.trim()),
        _ => None,
    })
}

fn elements(element: &Element) -> impl Iterator<Item = &Element> {
    element.children.iter().filter_map(|node| match node {
        Node::Element(element) => Some(element),
        Node::Text(_) => None,
    })
}

/// Whether an element, or one within it, has elements between its words: a document for people.
fn is_mixed(element: &Element) -> bool {
    elements(element).next().is_some() && own_text(element).next().is_some() || elements(element).any(is_mixed)
}

/// An element as a value: attributes and elements by their names, several of the same name as a list.
fn value_of(element: &Element) -> Value {
    let text = own_text(element).collect::<Vec<_>>().join(" ");
    if element.attributes.is_empty() && elements(element).next().is_none() {
        return Value::Text(text);
    }
    let mut entries: Vec<(String, Value)> =
        element.attributes.iter().map(|(name, value)| (name.clone(), Value::Text(value.clone()))).collect();
    let attributes = entries.len();
    let mut places = std::collections::HashMap::new();
    for child in elements(element) {
        let value = value_of(child);
        match places.get(child.name.as_str()) {
            None => {
                places.insert(child.name.as_str(), (entries.len(), 1));
                entries.push((child.name.clone(), value));
            }
            Some((place, count)) => {
                let (place, count) = (*place, *count);
                let known = &mut entries[place].1;
                match known {
                    Value::List(values) if count > 1 => values.push(value),
                    known => {
                        let first = std::mem::replace(known, Value::List(Vec::new()));
                        *known = Value::List(vec![first, value]);
                    }
                }
                places.insert(child.name.as_str(), (place, count + 1));
            }
        }
    }
    if !text.is_empty() {
        entries.insert(attributes, ("text".into(), Value::Text(text)));
    }
    Value::Object(entries)
}

/// Writes an element with text between its elements as a paragraph, one of elements as what they are.
fn write_document(out: &mut String, element: &Element, level: usize) {
    let is_title = |name: &str| {
        matches!(name.to_ascii_lowercase().as_str(), "title" | "head" | "heading" | "caption" | "subtitle")
    };
    let leaf = elements(element).next().is_none();
    if leaf || own_text(element).next().is_some() {
        let mut text = String::new();
        push_words(&mut text, element);
        let text = text.trim();
        if text.is_empty() {
            return;
        }
        if is_title(&element.name) {
            return push_heading(out, level, text);
        }
        out.push_str(&inline(text));
        out.push_str("\n\n");
        return;
    }
    let below = level + usize::from(elements(element).any(|child| is_title(&child.name)));
    for child in elements(element) {
        let own = if is_title(&child.name) { level } else { below };
        write_document(out, child, own);
    }
}

fn push_words(out: &mut String, element: &Element) {
    for node in &element.children {
        match node {
            Node::Text(text) => out.push_str(text),
            Node::Element(inner) => push_words(out, inner),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn markdown(source: &str) -> String {
        convert(source.as_bytes()).unwrap().markdown
    }

    #[test]
    fn data_is_lists_and_tables() {
        let source = "<?xml version=\"1.0\"?><c:catalog xmlns:c=\"urn:c\"><owner>A &amp; B</owner><book id=\"1\"><t>One</t><p>1.50</p></book>\
                      <book id=\"2\"><t>Two</t><p cur=\"EUR\">2</p></book><x/></c:catalog>";
        assert_eq!(
            markdown(source),
            "# catalog\n\n- **owner**: A & B\n- **x**: \n\n## book\n\n### 1\n\n- **id**: 1\n- **t**: One\n- **p**: 1.50\n\n\
             ### 2\n\n- **id**: 2\n- **t**: Two\n\n#### p\n\n- **cur**: EUR\n- **text**: 2\n"
        );
        let flat = "<l><i a=\"1\"><b>x</b></i><i a=\"2\"><b>y</b></i></l>";
        assert_eq!(markdown(flat), "# l\n\n## i\n\n| a | b |\n| --- | --- |\n| 1 | x |\n| 2 | y |\n");
    }

    #[test]
    fn documents_are_paragraphs_under_their_titles_in_order() {
        let source = "<book><title>T</title><chapter><title>One</title><p>Some <b>bold</b> words.</p><note>n</note><p>more</p></chapter></book>";
        assert_eq!(markdown(source), "# T\n\n## One\n\nSome bold words.\n\nn\n\nmore\n");
    }

    #[test]
    fn entities_are_not_expanded_and_nothing_outside_is_read() {
        let source = "<!DOCTYPE a [<!ENTITY x \"boom\"><!ENTITY y SYSTEM \"file:///etc/passwd\">]><a><b>&x;&y;&lt;&#228;</b><c>&</c></a>";
        let markdown = markdown(source);
        assert!(markdown.contains("\\&x;\\&y;") && markdown.contains("ä") && !markdown.contains("boom"), "{markdown}");
    }

    #[test]
    fn damage_and_depth_are_given_into_written() {
        for source in ["<a><b>text</a>", "<a>text", "<a".repeat(3).as_str(), "<a>".repeat(100_000).as_str()] {
            let converted = convert(source.as_bytes()).unwrap();
            assert_eq!((converted.markdown, converted.warnings.len()), (format!("```xml\n{source}\n```\n"), 1));
        }
    }

    #[test]
    fn a_declaration_that_ends_before_it_begins_is_none() {
        assert!(convert(b"<a>?><?xml version='1.0' encoding='iso-8859-2'?></a>").is_ok());
        assert_eq!(declared(b"?><?xml encoding='x'"), None);
        assert_eq!(declared(b"?><?xml encoding='x'?>").as_deref(), Some("x"));
    }

    #[test]
    fn encodings_are_declared_in_the_first_line() {
        let (bytes, _, _) =
            encoding_rs::ISO_8859_2.encode("<?xml version='1.0' encoding='iso-8859-2'?><a>Žluťoučký</a>");
        assert!(convert(&bytes).unwrap().markdown.contains("Žluťoučký"));
    }

    proptest! {
        #[test]
        fn any_tags_are_some_document(parts in proptest::collection::vec(prop::sample::select(vec![
            "<a>", "</a>", "<b x='1' x='2'>", "</b>", "<c/>", "<title>", "</title>", "text", "&amp;", "&x;", "&#0;", "&", "<![CDATA[", "]]>", "<!--", "-->", "<?x", "é",
        ]), 1..30)) {
            let converted = convert(parts.concat().as_bytes());
            prop_assert!(converted.map_or_else(|failure| failure.code == "EMPTY_DOCUMENT", |_| true));
        }
    }
}
