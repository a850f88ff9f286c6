//! Atoms of MPEG-4 and QuickTime.

use crate::input::{Input, be32, be64};
use morag_step::Failure;

/// Atoms within one that are looked at; a fragmented film of hours has some ten thousand at its top.
const ATOMS_MAX: usize = 50_000;

/// An atom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Atom {
    pub name: [u8; 4],
    /// Where its content begins.
    pub start: u64,
    /// Where it ends.
    pub end: u64,
}

impl Atom {
    /// The whole file.
    pub(super) fn file(input: &Input) -> Self {
        Self { name: *b"file", start: 0, end: input.size() }
    }

    /// The same atom without the first bytes of its content.
    pub(super) fn after(self, bytes: u64) -> Self {
        Self { start: self.start.saturating_add(bytes).min(self.end), ..self }
    }

    pub(super) fn len(&self) -> u64 {
        self.end.saturating_sub(self.start)
    }

    /// Its content, at most so many bytes of it.
    pub(super) fn bytes(&self, input: &Input, max: usize) -> Result<Vec<u8>, Failure> {
        input.bytes(self.start, usize::try_from(self.len()).unwrap_or(usize::MAX).min(max))
    }

    /// The atom at a place within this one, if there is one.
    fn at(&self, input: &Input, offset: u64) -> Result<Option<Self>, Failure> {
        if self.end.saturating_sub(offset) < 8 {
            return Ok(None);
        }
        let header = input.bytes(offset, 16)?;
        let Some(name) = header.get(4..8).and_then(|name| name.try_into().ok()) else { return Ok(None) };
        let (start, len) = match be32(&header, 0) {
            0 => (8, self.end - offset),
            1 => (16, be64(&header, 8)),
            len => (8, u64::from(len)),
        };
        let end = offset.saturating_add(len).min(self.end);
        Ok((len >= start).then_some(Self { name, start: offset.saturating_add(start).min(end), end }))
    }

    /// The atoms within, up to the first that makes no sense.
    pub(super) fn children(&self, input: &Input) -> Result<Vec<Self>, Failure> {
        let (mut children, mut offset) = (Vec::new(), self.start);
        while let Some(child) = self.at(input, offset)?.filter(|_| children.len() < ATOMS_MAX) {
            offset = child.end;
            children.push(child);
        }
        Ok(children)
    }

    /// The first atom of a name within.
    pub(super) fn child(&self, input: &Input, name: &[u8; 4]) -> Result<Option<Self>, Failure> {
        let mut offset = self.start;
        for _ in 0..ATOMS_MAX {
            let Some(child) = self.at(input, offset)? else { break };
            if &child.name == name {
                return Ok(Some(child));
            }
            offset = child.end;
        }
        Ok(None)
    }

    /// The atom at the end of a path of names.
    pub(super) fn descendant(&self, input: &Input, path: &[&[u8; 4]]) -> Result<Option<Self>, Failure> {
        let mut found = *self;
        for name in path {
            let Some(child) = found.child(input, name)? else { return Ok(None) };
            found = child;
        }
        Ok(Some(found))
    }
}
