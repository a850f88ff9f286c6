//! Footnotes, endnotes and comments, after the text that refers to them.

use super::body::{Note, Reader};
use crate::package::Relations;
use crate::write::escape;
use crate::xml::Element;
use morag_step::Failure;

/// Writes what the text refers to.
///
/// # Errors
/// Those of [`crate::package::Package::optional_text`] and [`crate::package::Package::tree`].
pub fn write(reader: &mut Reader<'_, '_>) -> Result<(), Failure> {
    for (kind, part, element) in
        [(Note::Foot, "footnotes", "footnote"), (Note::End, "endnotes", "endnote"), (Note::Comment, "comments", "comment")]
    {
        let wanted: Vec<String> = reader.referred.iter().filter(|note| note.0 == kind).map(|note| note.1.clone()).collect();
        if wanted.is_empty() {
            continue;
        }
        let Some(name) = reader.relations.of_kind(part).map(str::to_owned) else { continue };
        let Some(source) = reader.package.optional_text(&name)? else { continue };
        let tree = reader.package.tree(&name, &source)?;
        let relations = Relations::of(reader.package, &name)?;
        let notes: std::collections::HashMap<String, Element<'_, '_>> =
            tree.root().all(element).filter_map(|note| Some((note.attribute("id")?, note))).collect();
        for (id, number) in wanted.iter().zip(1..) {
            let Some(note) = notes.get(id) else { continue };
            let said = text(reader, &relations, *note);
            let author = note.attribute("author").filter(|author| kind == Note::Comment && !author.trim().is_empty());
            let said = author.map_or(said.clone(), |author| format!("{}: {said}", escape(&author)));
            reader.out.note(&format!("{}{number}", kind.prefix()), &said);
        }
    }
    Ok(())
}

fn text(reader: &mut Reader<'_, '_>, relations: &Relations, note: Element<'_, '_>) -> String {
    let mut inner = reader.within(relations);
    inner.blocks(note);
    inner.out.into_text()
}
