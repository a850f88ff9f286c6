//! Styles: which text is bold, which lists are numbered.

use crate::write::Style;
use crate::xml::Element;
use std::collections::HashMap;

/// Styles of which one is based on the other: more are a circle.
const PARENTS_MAX: usize = 20;

#[derive(Debug, Clone, Default)]
struct Own {
    bold: Option<bool>,
    italic: Option<bool>,
    strike: Option<bool>,
    parent: Option<String>,
    list: Option<String>,
}

/// How the items of a level are marked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Level {
    /// By a number in this format, for example `1` or `a`; none for a bullet.
    pub number: Option<String>,
    /// What stands after the number.
    pub suffix: String,
    /// The number of the first item.
    pub start: u32,
}

/// The styles of a document.
#[derive(Debug, Default)]
pub struct Styles {
    styles: HashMap<String, Own>,
    lists: HashMap<String, Vec<Level>>,
}

impl Styles {
    /// Reads those of a part.
    pub fn read(&mut self, root: Element<'_, '_>) {
        let groups = ["styles", "automatic-styles"].into_iter().filter_map(|name| root.child(name));
        for style in groups.flat_map(Element::elements) {
            let Some(name) = style.attribute("name") else { continue };
            match style.name() {
                "style" => drop(self.styles.insert(name, own(style))),
                "list-style" => drop(self.lists.insert(name, style.elements().map(level).collect())),
                _ => {}
            }
        }
    }

    fn find<T>(&self, name: Option<&str>, what: impl Fn(&Own) -> Option<T>) -> Option<T> {
        let mut name = name?;
        for _ in 0..PARENTS_MAX {
            let own = self.styles.get(name)?;
            if let Some(found) = what(own) {
                return Some(found);
            }
            name = own.parent.as_deref()?;
        }
        None
    }

    /// How a span of a style is written, within text of a style.
    pub fn text(&self, name: Option<&str>, outer: Style) -> Style {
        Style {
            bold: self.find(name, |own| own.bold).unwrap_or(outer.bold),
            italic: self.find(name, |own| own.italic).unwrap_or(outer.italic),
            strike: self.find(name, |own| own.strike).unwrap_or(outer.strike),
            code: false,
        }
    }

    /// The list style that a paragraph's style has.
    pub fn list_of(&self, name: Option<&str>) -> Option<String> {
        self.find(name, |own| own.list.clone())
    }

    /// How a level of a list, from 0, is marked.
    pub fn level(&self, list: &str, level: usize) -> Option<&Level> {
        self.lists.get(list)?.get(level)
    }

    /// Whether a style or one that it is based on has this name.
    pub fn is_based_on(&self, name: Option<&str>, wanted: &str) -> bool {
        name == Some(wanted) || self.find(name, |own| (own.parent.as_deref() == Some(wanted)).then_some(())).is_some()
    }
}

fn own(style: Element<'_, '_>) -> Own {
    let text = style.child("text-properties");
    let value = |name: &str| text.and_then(|text| text.attribute(name));
    Own {
        bold: value("font-weight").map(|weight| weight == "bold" || weight.parse().is_ok_and(|weight: u32| weight >= 600)),
        italic: value("font-style").map(|style| style != "normal"),
        strike: value("text-line-through-style").map(|style| style != "none"),
        parent: style.attribute("parent-style-name"),
        list: style.attribute("list-style-name").filter(|name| !name.is_empty()),
    }
}

fn level(element: Element<'_, '_>) -> Level {
    let number = element.attribute("num-format").filter(|format| !format.is_empty());
    Level {
        number: number.filter(|_| element.name() == "list-level-style-number"),
        suffix: element.attribute("num-suffix").unwrap_or_default(),
        start: element.number("start-value").unwrap_or(1),
    }
}
