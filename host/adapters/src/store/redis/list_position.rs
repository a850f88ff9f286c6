//! Positions in lists that are ordered by time, and the cursors of pages made of them.

/// The position of an item: by its time, those of one time by their member.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ListPosition {
    /// Milliseconds.
    pub(super) at: i64,
    /// What the list has there: it begins with `TASK/`.
    pub(super) member: String,
}

impl ListPosition {
    /// That of a member with its score.
    pub(super) fn of((member, at): (String, f64)) -> Self {
        Self { at: at as i64, member }
    }

    /// That of a cursor. Its member is not looked at.
    pub(super) fn parse(cursor: &str) -> Option<Self> {
        let (at, member) = cursor.split_once('.')?;
        Some(Self { at: at.parse().ok()?, member: member.to_owned() })
    }

    /// The cursor of what comes after it.
    pub(super) fn cursor(&self) -> String {
        format!("{}.{}", self.at, self.member)
    }

    /// Where lists begin that are read from a position on, as `ZRANGE` takes it. Items of the position's own time are read again.
    pub(super) fn latest(before: Option<&Self>) -> String {
        before.map_or_else(|| "+inf".to_owned(), |position| position.at.to_string())
    }
}
