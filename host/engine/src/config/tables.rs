//! Reads the arrays of tables in `morag.toml` into types.

use super::sources::Written;
use super::toml_json;
use morag_core::Secret;
use morag_input::{FieldObject, Problem};
use serde::de::DeserializeOwned;

/// One table of the file: where errors about it are noted.
pub(super) struct Place<'a> {
    written: &'a Written<'a>,
    /// Name of the array, and the table's index in it.
    path: [String; 2],
}

/// The tables `[[name]]` as they are written, without numbers that are not finite, which are noted.
pub(super) fn fields<'a>(written: &'a Written<'a>, name: &str) -> impl Iterator<Item = (Place<'a>, FieldObject)> {
    written.tables(name).iter().enumerate().map(move |(index, table)| {
        let place = Place { written, path: [name.to_owned(), index.to_string()] };
        let (fields, wrong) = toml_json::fields(table);
        wrong.into_iter().for_each(|problem| place.note(problem));
        (place, fields)
    })
}

/// The tables `[[name]]` that can be read; what is wrong with the others is noted.
pub(super) fn read<'a, T: DeserializeOwned>(
    written: &'a Written<'a>,
    name: &str,
) -> impl Iterator<Item = (Place<'a>, T)> {
    fields(written, name).filter_map(|(place, fields)| {
        let given = place.read(&fields)?;
        Some((place, given))
    })
}

impl Place<'_> {
    /// Reads fields of this table; none, with a note of each problem, if that cannot be done.
    pub(super) fn read<T: DeserializeOwned>(&self, fields: &FieldObject) -> Option<T> {
        let read = morag_input::read_table(fields);
        read.map_err(|problems| problems.into_iter().for_each(|problem| self.note(problem))).ok()
    }

    /// Notes a problem of a value in this table.
    pub(super) fn note(&self, mut problem: Problem) {
        problem.path.splice(0..0, self.path.clone());
        self.written.note_key(&problem);
    }

    /// Notes what is wrong with the value at `path`, and what to do.
    pub(super) fn refuse(&self, path: &[&str], text: impl std::fmt::Display) {
        let mut problem = Problem::invalid("", text.to_string());
        problem.path = path.iter().map(|part| (*part).to_owned()).collect();
        self.note(problem);
    }

    /// The value of the environment variable of this name, if it is set; else a note at `path`. The name is not shown: it may be the
    /// secret itself, written there by mistake.
    pub(super) fn variable(&self, path: &[&str], name: &str) -> Option<Secret> {
        let value = self.written.environment(name).map(|value| Secret::new(value.trim()));
        if value.is_none() {
            self.refuse(path, "give the name of an environment variable that is set");
        }
        value
    }
}
