//! What a document of Office Open XML says about itself.

use super::Package;
use crate::xml::Element;
use morag_conversion::dates;
use morag_conversion::document::{Properties, keywords, property};
use morag_step::Failure;

/// Reads `docProps/core.xml` and `docProps/app.xml`.
///
/// # Errors
/// Those of [`Package::optional_text`].
pub fn core(package: &Package<'_>) -> Result<Properties, Failure> {
    let mut properties = Properties::default();
    if let Some(text) = package.optional_text("docProps/core.xml")? {
        let tree = package.tree("docProps/core.xml", &text)?;
        merge_core(&mut properties, tree.root());
    }
    if let Some(text) = package.optional_text("docProps/app.xml")? {
        let tree = package.tree("docProps/app.xml", &text)?;
        properties.creator = tree.root().child("Application").and_then(|element| property(&element.text()));
    }
    Ok(properties)
}

/// Takes what the children of an element say in the words of Dublin Core, as Office, OpenDocument and books use them.
pub fn merge_core(properties: &mut Properties, element: Element<'_, '_>) {
    let mut authors: Vec<String> = Vec::new();
    for child in element.elements() {
        let text = || property(&child.text());
        let first = |into: &mut Option<String>| {
            if into.is_none() {
                *into = text();
            }
        };
        match child.name() {
            "title" => first(&mut properties.title),
            "creator" => authors.extend(text()),
            "initial-creator" if authors.is_empty() => authors.extend(text()),
            "subject" => first(&mut properties.subject),
            "description" if properties.subject.is_none() => properties.subject = text(),
            "keywords" => properties.keywords.extend(keywords(&child.text())),
            "keyword" => properties.keywords.extend(text()),
            "language" => first(&mut properties.language),
            "generator" => first(&mut properties.creator),
            "created" | "creation-date" => {
                properties.creation_date = properties.creation_date.take().or_else(|| dates::iso(&child.text()));
            }
            "modified" => {
                properties.modification_date = properties.modification_date.take().or_else(|| dates::iso(&child.text()));
            }
            _ => {}
        }
    }
    // Hundreds of authors are one text of a thousand characters.
    if properties.author.is_none() {
        properties.author = property(&authors.join(", "));
    }
    properties.keywords.truncate(100);
}
