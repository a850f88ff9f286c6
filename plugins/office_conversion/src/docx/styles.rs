//! Styles of paragraphs: which are headings, and which are numbered.

use crate::package::{Package, Relations};
use crate::xml::Element;
use morag_step::Failure;
use std::collections::HashMap;

/// Styles of which one is based on the other: more are a circle.
const BASED_ON_MAX: usize = 20;

#[derive(Debug, Clone, Default)]
struct Style {
    level: Option<usize>,
    list: Option<(String, usize)>,
    based_on: Option<String>,
}

/// The styles of a document.
#[derive(Debug, Default)]
pub struct Styles(HashMap<String, Style>);

impl Styles {
    /// Reads them; none where the document has none.
    ///
    /// # Errors
    /// Those of [`Package::optional_text`].
    pub fn read(package: &Package<'_>, relations: &Relations) -> Result<Self, Failure> {
        let Some(name) = relations.of_kind("styles") else { return Ok(Self::default()) };
        let Some(text) = package.optional_text(name)? else { return Ok(Self::default()) };
        let tree = package.tree(name, &text)?;
        let style = |element: Element<'_, '_>| {
            let id = element.attribute("styleId")?;
            let name = element.child("name").and_then(|name| name.attribute("val")).unwrap_or_default().to_lowercase();
            let properties = element.child("pPr");
            let level = match name.strip_prefix("heading ").and_then(|level| level.trim().parse::<usize>().ok()) {
                Some(level) => Some(level),
                None if name == "title" => Some(1),
                None => properties.and_then(outline),
            };
            let list = properties.and_then(list);
            let based_on = element.child("basedOn").and_then(|other| other.attribute("val"));
            Some((id, Style { level, list, based_on }))
        };
        Ok(Self(tree.root().all("style").filter_map(style).collect()))
    }

    fn find<T>(&self, id: &str, what: impl Fn(&Style) -> Option<T>) -> Option<T> {
        let mut id = id;
        for _ in 0..BASED_ON_MAX {
            let style = self.0.get(id)?;
            if let Some(found) = what(style) {
                return Some(found);
            }
            id = style.based_on.as_deref()?;
        }
        None
    }

    /// The level of a heading of this style, from 1.
    pub fn level(&self, id: &str) -> Option<usize> {
        self.find(id, |style| style.level).or_else(|| {
            // A document without its styles: the usual names.
            let number = id.to_ascii_lowercase().strip_prefix("heading")?.parse().ok()?;
            (!self.0.contains_key(id)).then_some(number)
        })
    }

    /// The list of this style, and the level in it.
    pub fn list(&self, id: &str) -> Option<(String, usize)> {
        self.find(id, |style| style.list.clone())
    }
}

/// The level of a heading that a paragraph's properties say, from 1.
pub fn outline(properties: Element<'_, '_>) -> Option<usize> {
    properties.child("outlineLvl")?.number::<usize>("val").filter(|level| *level < 9).map(|level| level + 1)
}

/// The list that a paragraph's properties say, and the level in it. List `0` is none.
pub fn list(properties: Element<'_, '_>) -> Option<(String, usize)> {
    let own = properties.child("numPr")?;
    let level = own.child("ilvl").and_then(|level| level.number("val")).unwrap_or(0);
    Some((own.child("numId")?.attribute("val")?, level))
}
