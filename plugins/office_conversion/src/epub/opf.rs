//! What a book is made of: its package document.

use crate::package::{Package, merge_core, resolve};
use crate::xml::Element;
use morag_conversion::dates;
use morag_conversion::document::{Properties, property};
use morag_conversion::failures;
use morag_step::Failure;
use std::collections::{HashMap, HashSet};

/// Files of the spine. A zip has no more files that are worth reading.
const CHAPTERS_MAX: usize = 20_000;

/// A file of the spine.
#[derive(Debug)]
pub struct Chapter {
    /// Its part.
    pub part: String,
    /// Whether it is the table of contents: the chapters have their headings.
    pub contents: bool,
    /// Whether only certain readers may open it.
    pub encrypted: bool,
}

/// A book without its text.
#[derive(Debug)]
pub struct Book {
    /// The files in the order in which they are read.
    pub chapters: Vec<Chapter>,
    /// What it says about itself.
    pub properties: Properties,
}

impl Book {
    /// Reads the container and the package document that it names.
    ///
    /// # Errors
    /// `CORRUPT_DOCUMENT` where there is none, `DOCUMENT_TOO_LARGE`.
    pub fn read(package: &Package<'_>) -> Result<Self, Failure> {
        let name = root_file(package)?;
        let source = package.text(&name)?.ok_or_else(|| package.corrupt(format_args!("its part {name} is missing")))?;
        let tree = package.tree(&name, &source)?;
        let root = tree.root();
        let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
        let mut properties = Properties::default();
        if let Some(metadata) = root.child("metadata") {
            // Books of the last century have their metadata one level deeper.
            merge_core(&mut properties, metadata.child("dc-metadata").unwrap_or(metadata));
            read_dates(&mut properties, metadata);
        }
        let encrypted = encrypted(package)?;
        let part = |href: &str| resolve(folder, &decode(href));
        let mut files: HashMap<String, (String, bool)> = HashMap::new();
        for item in root.at(&["manifest"]).into_iter().flat_map(|manifest| manifest.all("item")) {
            let (Some(id), Some(href)) = (item.attribute("id"), item.attribute("href")) else { continue };
            let contents =
                item.attribute("properties").is_some_and(|own| own.split_whitespace().any(|word| word == "nav"));
            files.insert(id, (part(&href), contents));
        }
        let spine: Vec<Element<'_, '_>> =
            root.at(&["spine"]).into_iter().flat_map(|spine| spine.all("itemref")).collect();
        if spine.len() > CHAPTERS_MAX {
            return Err(failures::too_large(format!(
                "it has {} chapters, and at most {CHAPTERS_MAX} are converted",
                spine.len()
            )));
        }
        let (mut chapters, mut seen) = (Vec::with_capacity(spine.len()), HashSet::new());
        for item in spine {
            let Some((part, contents)) = item.attribute("idref").and_then(|id| files.get(&id).cloned()) else {
                package.warn("a chapter of the list has no file and is left out");
                continue;
            };
            if seen.insert(part.clone()) {
                let encrypted = encrypted.contains(&part);
                chapters.push(Chapter { part, contents, encrypted });
            }
        }
        // A book of nothing else is not only contents.
        if chapters.iter().all(|chapter| chapter.contents) {
            chapters.iter_mut().for_each(|chapter| chapter.contents = false);
        }
        Ok(Self { chapters, properties })
    }
}

fn root_file(package: &Package<'_>) -> Result<String, Failure> {
    const CONTAINER: &str = "META-INF/container.xml";
    if let Some(source) = package.optional_text(CONTAINER)? {
        let tree = package.tree(CONTAINER, &source)?;
        if let Some(path) = tree.root().within("rootfile").first().and_then(|file| file.attribute("full-path")) {
            return Ok(resolve("", &decode(&path)));
        }
    }
    package.first_with_extension(".opf").ok_or_else(|| package.corrupt("it does not say what it is made of"))
}

fn read_dates(properties: &mut Properties, metadata: Element<'_, '_>) {
    for element in metadata.elements() {
        let is = |name: &str| element.attribute("property").is_some_and(|own| own.ends_with(name));
        match element.name() {
            "date" if element.is("event", "modification") => {
                properties.modification_date =
                    properties.modification_date.take().or_else(|| dates::iso(&element.text()));
            }
            "date" => {
                properties.creation_date = properties.creation_date.take().or_else(|| dates::iso(&element.text()))
            }
            "meta" if is("modified") => {
                properties.modification_date =
                    properties.modification_date.take().or_else(|| dates::iso(&element.text()));
            }
            "meta" if element.is("name", "generator") => {
                properties.creator = element.attribute("content").as_deref().and_then(property);
            }
            _ => {}
        }
    }
}

/// The parts that are encrypted, but for fonts, whose bytes are only shuffled.
fn encrypted(package: &Package<'_>) -> Result<HashSet<String>, Failure> {
    const NAME: &str = "META-INF/encryption.xml";
    let Some(source) = package.optional_text(NAME)? else { return Ok(HashSet::new()) };
    let tree = package.tree(NAME, &source)?;
    let part =
        |data: Element<'_, '_>| Some(resolve("", &decode(&data.within("CipherReference").first()?.attribute("URI")?)));
    Ok(tree.root().within("EncryptedData").into_iter().filter_map(part).collect())
}

/// An address without its `%20`.
pub fn decode(href: &str) -> String {
    let mut out = Vec::with_capacity(href.len());
    let mut rest = href.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = after
            .get(..2)
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match hex.filter(|_| *first == b'%') {
            Some(byte) => {
                out.push(byte);
                rest = &after[2..];
            }
            None => {
                out.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_decoded() {
        assert_eq!(decode("a%20b%C3%A9%zz%"), "a bé%zz%");
    }
}
