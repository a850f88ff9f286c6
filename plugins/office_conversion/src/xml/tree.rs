//! A tree of elements that borrows its text.
//!
//! Names are compared without their prefix: the vocabularies that are read here do not collide, and files of all ages and of the
//! strict and the transitional schema differ in namespaces alone. Nothing outside the text is ever read: a document type declaration
//! is skipped, and an entity that it declares stays unresolved.

use super::DEPTH_MAX;
use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::Event;

/// Nodes of a tree: each takes 36 bytes in a step of 512 MiB. A thousand pages of Word have under a million.
const NODES_MAX: usize = 3_000_000;
/// No node.
const NONE: u32 = u32::MAX;

/// How mistakes in the text are met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavour {
    /// As XML: reading ends at the first mistake.
    Xml,
    /// As a page of a book, which people write by hand: tags that are left open are closed.
    Xhtml,
}

#[derive(Debug)]
enum Content<'a> {
    Element { name: &'a str, attributes: &'a str },
    Text(&'a str),
    Char(char),
}

#[derive(Debug)]
struct Node<'a> {
    content: Content<'a>,
    first: u32,
    next: u32,
}

/// A parsed part.
#[derive(Debug)]
pub struct Tree<'a> {
    nodes: Vec<Node<'a>>,
    /// Why the rest of the text was not read, where it was not.
    pub damage: Option<String>,
}

/// An element of a tree.
#[derive(Debug, Clone, Copy)]
pub struct Element<'t, 'a> {
    tree: &'t Tree<'a>,
    at: u32,
}

/// What an element holds.
#[derive(Debug, Clone, Copy)]
pub enum Item<'t, 'a> {
    /// An element.
    Element(Element<'t, 'a>),
    /// A piece of text: pieces between entities come one by one.
    Text(&'a str),
    /// A character that was written as an entity.
    Char(char),
}

struct Open<'a> {
    at: u32,
    last: u32,
    name: &'a str,
}

struct Builder<'a> {
    nodes: Vec<Node<'a>>,
    open: Vec<Open<'a>>,
}

impl<'a> Builder<'a> {
    fn add(&mut self, content: Content<'a>) -> Result<u32, String> {
        if self.nodes.len() >= NODES_MAX {
            return Err(format!("it has more than {NODES_MAX} elements and texts"));
        }
        let at = self.nodes.len() as u32;
        self.nodes.push(Node { content, first: NONE, next: NONE });
        if let Some(parent) = self.open.last_mut() {
            match parent.last {
                NONE => self.nodes[parent.at as usize].first = at,
                last => self.nodes[last as usize].next = at,
            }
            parent.last = at;
        }
        Ok(at)
    }
}

impl<'a> Tree<'a> {
    /// Reads a text.
    ///
    /// # Errors
    /// Elements that are nested more than [`DEPTH_MAX`] deep, and more of them than a tree may have; the text says which. Other damage
    /// ends the tree where it is, and is said in [`Tree::damage`].
    pub fn parse(text: &'a str, flavour: Flavour) -> Result<Self, String> {
        let text = text.trim_start_matches('\u{feff}');
        let mut reader = Reader::from_str(text);
        let config = reader.config_mut();
        config.check_end_names = false;
        config.allow_unmatched_ends = true;
        config.allow_dangling_amp = true;
        // The root above the root element.
        let mut builder = Builder { nodes: Vec::new(), open: Vec::new() };
        let root = builder.add(Content::Element { name: "", attributes: "" })?;
        builder.open.push(Open { at: root, last: NONE, name: "" });
        let mut damage = None;
        loop {
            let before = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
            let event = match reader.read_event() {
                Ok(event) => event,
                Err(error) => {
                    damage = Some(error.to_string());
                    break;
                }
            };
            let after = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
            let source = text.get(before..after).unwrap_or_default();
            match event {
                Event::Start(_) | Event::Empty(_) => {
                    let closed = matches!(event, Event::Empty(_));
                    let inner = source.trim_start_matches('<').trim_end_matches('>');
                    let inner = if closed { inner.trim_end_matches('/') } else { inner };
                    let end = inner.find(|c: char| c.is_ascii_whitespace()).unwrap_or(inner.len());
                    let (name, attributes) = inner.split_at(end);
                    let at = builder.add(Content::Element { name: local(name), attributes })?;
                    if !closed && !(flavour == Flavour::Xhtml && is_void(local(name))) {
                        builder.open.push(Open { at, last: NONE, name });
                        if builder.open.len() > DEPTH_MAX {
                            return Err(format!("its XML is nested more than {DEPTH_MAX} levels deep"));
                        }
                    }
                }
                Event::End(_) => {
                    let name = source.trim_start_matches("</").trim_end_matches('>').trim();
                    let found = builder.open.iter().skip(1).rposition(|open| open.name == name);
                    match (found, flavour) {
                        (Some(found), Flavour::Xhtml) => builder.open.truncate(found + 1),
                        (Some(found), Flavour::Xml) if found + 2 == builder.open.len() => builder.open.truncate(found + 1),
                        (None, Flavour::Xhtml) => {}
                        (_, Flavour::Xml) => {
                            damage = Some(format!("at byte {before}, </{name}> closes what is not open"));
                            break;
                        }
                    }
                }
                Event::Text(_) if !source.is_empty() => drop(builder.add(Content::Text(source))?),
                Event::CData(_) => {
                    let inner = source.strip_prefix("<![CDATA[").and_then(|inner| inner.strip_suffix("]]>"));
                    builder.add(Content::Text(inner.unwrap_or_default()))?;
                }
                Event::GeneralRef(reference) => {
                    let content = match reference.resolve_char_ref() {
                        Ok(Some(c)) => Content::Char(c),
                        _ => match resolve_predefined_entity(source.trim_start_matches('&').trim_end_matches(';')) {
                            Some(known) => Content::Text(known),
                            // An entity of the document's own: shown as it is written.
                            None => Content::Text(source),
                        },
                    };
                    builder.add(content)?;
                }
                Event::Eof => {
                    if builder.open.len() > 1 && flavour == Flavour::Xml {
                        damage = Some("its end is missing".to_owned());
                    }
                    break;
                }
                _ => {}
            }
        }
        Ok(Self { nodes: builder.nodes, damage })
    }

    /// The root element; the empty root above it where the text has none.
    pub fn root(&self) -> Element<'_, 'a> {
        let above = Element { tree: self, at: 0 };
        above.elements().next().unwrap_or(above)
    }
}

fn local(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(_, local)| local)
}

fn is_void(name: &str) -> bool {
    matches!(name, "br" | "hr" | "img" | "meta" | "link" | "input" | "col" | "wbr" | "area" | "embed" | "source")
}

impl<'t, 'a> Element<'t, 'a> {
    /// Its name without a prefix.
    pub fn name(self) -> &'a str {
        match self.tree.nodes[self.at as usize].content {
            Content::Element { name, .. } => name,
            Content::Text(_) | Content::Char(_) => "",
        }
    }

    fn raw_attributes(self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let attributes = match self.tree.nodes[self.at as usize].content {
            Content::Element { attributes, .. } => attributes,
            Content::Text(_) | Content::Char(_) => "",
        };
        let mut rest = attributes;
        std::iter::from_fn(move || {
            let (name, after) = rest.split_once('=')?;
            let after = after.trim_start();
            let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''))?;
            let (value, after) = after[1..].split_once(quote)?;
            rest = after;
            Some((name.trim(), value))
        })
    }

    /// The value of an attribute, its name without a prefix.
    pub fn attribute(self, name: &str) -> Option<String> {
        self.raw_attributes().find(|(own, _)| local(own) == name).map(|(_, value)| unescape(value))
    }

    /// The value of an attribute whose name has a prefix: `r:id` beside `id`.
    pub fn prefixed(self, name: &str) -> Option<String> {
        let found = self.raw_attributes().find(|(own, _)| own.contains(':') && local(own) == name);
        found.map(|(_, value)| unescape(value))
    }

    /// Whether an attribute is exactly this, without entities.
    pub fn is(self, name: &str, value: &str) -> bool {
        self.raw_attributes().any(|(own, found)| local(own) == name && found == value)
    }

    /// An attribute that is a number.
    pub fn number<N: std::str::FromStr>(self, name: &str) -> Option<N> {
        self.raw_attributes().find(|(own, _)| local(own) == name).and_then(|(_, value)| value.trim().parse().ok())
    }

    /// What it holds, in order.
    pub fn items(self) -> impl Iterator<Item = Item<'t, 'a>> {
        let tree = self.tree;
        let mut at = tree.nodes[self.at as usize].first;
        std::iter::from_fn(move || {
            let node = tree.nodes.get(at as usize)?;
            let own = at;
            at = node.next;
            Some(match node.content {
                Content::Element { .. } => Item::Element(Element { tree, at: own }),
                Content::Text(text) => Item::Text(text),
                Content::Char(c) => Item::Char(c),
            })
        })
    }

    /// The elements that it holds.
    pub fn elements(self) -> impl Iterator<Item = Element<'t, 'a>> {
        self.items().filter_map(|item| match item {
            Item::Element(element) => Some(element),
            Item::Text(_) | Item::Char(_) => None,
        })
    }

    /// The elements of a name that it holds.
    pub fn all(self, name: &str) -> impl Iterator<Item = Element<'t, 'a>> {
        self.elements().filter(move |element| element.name() == name)
    }

    /// The first element of a name that it holds.
    pub fn child(self, name: &str) -> Option<Element<'t, 'a>> {
        self.elements().find(|element| element.name() == name)
    }

    /// The element at the end of a path of names.
    pub fn at(self, path: &[&str]) -> Option<Element<'t, 'a>> {
        path.iter().try_fold(self, |element, name| element.child(name))
    }

    /// The elements of a name anywhere within it, in order.
    pub fn within(self, name: &str) -> Vec<Element<'t, 'a>> {
        let (mut found, mut open) = (Vec::new(), vec![self]);
        while let Some(element) = open.pop() {
            if element.at != self.at && element.name() == name {
                found.push(element);
            }
            let from = open.len();
            open.extend(element.elements());
            open[from..].reverse();
        }
        found
    }

    /// All text within it.
    pub fn text(self) -> String {
        let (mut out, mut open) = (String::new(), vec![Item::Element(self)]);
        while let Some(item) = open.pop() {
            match item {
                Item::Text(text) => out.push_str(text),
                Item::Char(c) => out.push(c),
                Item::Element(element) => {
                    let from = open.len();
                    open.extend(element.items());
                    open[from..].reverse();
                }
            }
        }
        out
    }
}

fn unescape(value: &str) -> String {
    if !value.contains('&') {
        return value.to_owned();
    }
    quick_xml::escape::unescape(value).map_or_else(|_| value.to_owned(), |text| text.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_attributes_and_texts() {
        let text = "<?xml version='1.0'?><!DOCTYPE x><w:a w:v=\"1 &amp; 2\" id='3' r:id = 'r4'><b/>x &lt; <![CDATA[<y>]]>&#233;<b>z</b></w:a>";
        let tree = Tree::parse(text, Flavour::Xml).unwrap();
        let root = tree.root();
        assert_eq!((root.name(), tree.damage.as_deref()), ("a", None));
        assert_eq!(root.attribute("v").as_deref(), Some("1 & 2"));
        assert_eq!((root.attribute("id").as_deref(), root.prefixed("id").as_deref()), (Some("3"), Some("r4")));
        assert_eq!(root.number("id"), Some(3));
        assert_eq!(root.text(), "x < <y>éz");
        assert_eq!(root.all("b").count(), 2);
        assert_eq!(root.within("b").len(), 2);
    }

    #[test]
    fn what_comes_before_the_damage_is_kept() {
        for (text, kept) in [("<a><b>one</b><c>two", "onetwo"), ("<a>one<b></a>two</b>", "one"), ("<a>one<b x=</a>", "one")] {
            let tree = Tree::parse(text, Flavour::Xml).unwrap();
            assert_eq!(tree.root().text(), kept, "{text}");
            assert!(tree.damage.is_some(), "{text}");
        }
    }

    #[test]
    fn pages_of_books_may_leave_tags_open() {
        let tree = Tree::parse("<body><p>one<br>two</b><p>three</body>", Flavour::Xhtml).unwrap();
        assert_eq!(tree.root().text(), "onetwothree");
        assert_eq!(tree.damage, None);
    }

    #[test]
    fn entities_of_the_document_are_not_resolved() {
        let text = "<!DOCTYPE a [<!ENTITY b 'no'><!ENTITY c SYSTEM 'file:///etc/passwd'>]><a>&b;&c;</a>";
        assert_eq!(Tree::parse(text, Flavour::Xml).unwrap().root().text(), "&b;&c;");
    }

    #[test]
    fn nesting_without_end_is_refused() {
        for flavour in [Flavour::Xml, Flavour::Xhtml] {
            assert!(Tree::parse(&"<a>".repeat(300_000), flavour).unwrap_err().contains("nested"));
        }
    }

    proptest! {
        #[test]
        fn any_text_has_a_tree(parts in proptest::collection::vec(
            prop_oneof![Just("<a>"), Just("</a>"), Just("<b x='1'>"), Just("</b>"), Just("<c/>"), Just("&amp;"), Just("&x"), Just("é"),
                Just("<![CDATA["), Just("]]>"), Just("<!--"), Just("<"), Just("'"), Just(">"), Just("<!DOCTYPE"), Just("&#0;")],
            0..30,
        )) {
            for flavour in [Flavour::Xml, Flavour::Xhtml] {
                let text = parts.concat();
                let tree = Tree::parse(&text, flavour).unwrap();
                let root = tree.root();
                prop_assert!(root.text().len() <= text.len() * 2);
                let _ = (root.attribute("x"), root.within("b").len());
            }
        }
    }
}
