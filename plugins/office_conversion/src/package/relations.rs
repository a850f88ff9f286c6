//! The relations of a part to others: what its `r:id` attributes stand for.

use super::Package;
use morag_step::Failure;
use std::collections::HashMap;

/// A relation of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation {
    /// Last word of its type, for example `image`.
    pub kind: String,
    /// Name of the other part, or an address outside.
    pub target: String,
    /// Whether the target is outside the document: it is never opened.
    pub external: bool,
}

/// The relations of a part by their ids.
#[derive(Debug, Clone, Default)]
pub struct Relations(HashMap<String, Relation>);

impl Relations {
    /// Reads those of a part; none where it has none.
    ///
    /// # Errors
    /// Those of [`Package::optional_text`].
    pub fn of(package: &Package<'_>, part: &str) -> Result<Self, Failure> {
        let (folder, file) = part.rsplit_once('/').unwrap_or(("", part));
        let name = format!("{folder}{}_rels/{file}.rels", if folder.is_empty() { "" } else { "/" });
        let Some(text) = package.optional_text(&name)? else { return Ok(Self::default()) };
        let tree = package.tree(&name, &text)?;
        let relation = |element: crate::xml::Element<'_, '_>| {
            let target = element.attribute("Target")?;
            let external = element.is("TargetMode", "External");
            let kind = element.attribute("Type").unwrap_or_default();
            let kind = kind.rsplit('/').next().unwrap_or_default().to_owned();
            let target = if external { target } else { resolve(folder, &target) };
            Some((element.attribute("Id")?, Relation { kind, target, external }))
        };
        Ok(Self(tree.root().all("Relationship").filter_map(relation).collect()))
    }

    /// The relation of an id.
    pub fn get(&self, id: &str) -> Option<&Relation> {
        self.0.get(id)
    }

    /// The part of an id; none for what is outside.
    pub fn part(&self, id: &str) -> Option<&str> {
        self.get(id).filter(|relation| !relation.external).map(|relation| relation.target.as_str())
    }

    /// The first part of a kind, by name.
    pub fn of_kind(&self, kind: &str) -> Option<&str> {
        let parts = self.0.values().filter(|relation| relation.kind == kind && !relation.external);
        parts.map(|relation| relation.target.as_str()).min()
    }

    /// The address outside of an id.
    pub fn address(&self, id: &str) -> Option<&str> {
        self.get(id).filter(|relation| relation.external).map(|relation| relation.target.as_str())
    }
}

/// The name of a part that is written relative to a folder. It never leaves the package: `..` above its root is nothing.
pub fn resolve(folder: &str, target: &str) -> String {
    let target = target.split(['#', '?']).next().unwrap_or_default();
    let from_root = target.starts_with('/');
    let mut parts: Vec<&str> = if from_root { Vec::new() } else { folder.split('/').filter(|part| !part.is_empty()).collect() };
    for part in target.split(['/', '\\']) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_relative_to_the_folder_of_the_part() {
        assert_eq!(resolve("ppt/slides", "../media/a.png"), "ppt/media/a.png");
        assert_eq!(resolve("word", "/xl/a.xml"), "xl/a.xml");
        assert_eq!(resolve("word", "./a.xml#b"), "word/a.xml");
        assert_eq!(resolve("a", "../../../etc/passwd"), "etc/passwd");
    }
}
