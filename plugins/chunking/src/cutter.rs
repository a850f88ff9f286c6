//! Puts pieces together to chunks.

use crate::cohesion::shifts;
use crate::cut::Cut;
use crate::fixed;
use crate::options::{Plan, Strategy};
use crate::overlap;
use crate::pieces::{Grain, Piece, pieces};
use crate::positions::{CharIndex, grapheme_at_or_after, trimmed};
use crate::structure::{Boundary, Structure, Unit};
use morag_step::Failure;
use std::ops::Range;

/// How full a chunk must be before the best boundary is taken rather than the next one. Below a quarter, chunks
/// multiply for the sake of a heading.
const FILL_MIN: f32 = 0.25;

/// Cuts markdown as planned. `page_starts` are byte offsets, in order, and used by the strategy `page` alone.
///
/// Cuts are in order, their starts and ends increase, and together they hold all text that is not blank.
///
/// # Errors
/// `TOO_MANY_CHUNKS` when an overlap near the chunk size would multiply the text without bound.
pub fn cut(text: &str, plan: Plan, structure: &mut Structure, page_starts: &[usize]) -> Result<Vec<Cut>, Failure> {
    let chars = CharIndex::new(text);
    if plan.strategy == Strategy::Fixed {
        return fixed::cut(text, plan, &structure.wholes);
    }
    let fresh_size = overlap::fresh_size(plan);
    let mut cutter = Cutter { text, chars: &chars, plan, fresh_size, cuts: Vec::new() };
    match plan.strategy {
        Strategy::Page => {
            let places = page_places(text, structure, page_starts);
            structure.cut_at(&places);
            let mut rest = structure.units.as_slice();
            for place in places.into_iter().chain([usize::MAX]) {
                let (page, after) = rest.split_at(rest.partition_point(|unit| unit.start < place));
                cutter.pack(page);
                rest = after;
            }
        }
        Strategy::Semantic => cutter.divide(&structure.units),
        _ => cutter.pack(&structure.units),
    }
    let mut cuts = cutter.cuts;
    overlap::extend(text, plan, &chars, structure, &mut cuts);
    Ok(cuts)
}

/// Where pages begin in the text: never within a code block, a table row or a grapheme.
fn page_places(text: &str, structure: &Structure, page_starts: &[usize]) -> Vec<usize> {
    let mut places: Vec<usize> = page_starts
        .iter()
        .map(|&start| grapheme_at_or_after(text, start))
        .map(|start| structure.whole_around(start).map_or(start, |whole| whole.end))
        .collect();
    places.sort_unstable();
    places.dedup();
    places
}

struct Cutter<'a> {
    text: &'a str,
    chars: &'a CharIndex<'a>,
    plan: Plan,
    fresh_size: usize,
    cuts: Vec<Cut>,
}

impl Cutter<'_> {
    fn emit(&mut self, start: usize, end: usize, lexical: bool) {
        let method = match self.plan.strategy {
            Strategy::Semantic if lexical => "lexical",
            Strategy::Semantic => "structural",
            strategy => strategy.name(),
        };
        self.cuts.push(Cut { start, fresh: start, end, method });
    }

    /// Characters that the next chunk may have of its own: the first one repeats nothing.
    fn limit(&self) -> usize {
        if self.cuts.is_empty() { self.plan.size } else { self.fresh_size }
    }

    fn content(&self, units: &[Unit]) -> Range<usize> {
        match (units.first(), units.last()) {
            (Some(first), Some(last)) => trimmed(self.text, first.start..last.end),
            _ => 0..0,
        }
    }

    fn fits(&self, units: &[Unit]) -> bool {
        self.chars.len(self.content(units)) <= self.limit()
    }

    fn emit_units(&mut self, units: &[Unit]) {
        let content = self.content(units);
        if !content.is_empty() {
            self.emit(content.start, content.end, false);
        }
    }

    /// Cuts at the strongest headings first; sections that fit together stay together.
    fn divide(&mut self, units: &[Unit]) {
        if self.fits(units) {
            return self.emit_units(units);
        }
        let headings = units.iter().skip(1).filter(|unit| matches!(unit.boundary, Boundary::Heading(_)));
        let Some(strongest) = headings.map(|unit| unit.boundary).min() else { return self.pack(units) };
        let starts = (1..units.len()).filter(|&at| units[at].boundary == strongest).chain([units.len()]);
        let (mut group, mut group_end) = (0, 0);
        for end in starts {
            if group_end > group && !self.fits(&units[group..end]) {
                self.close(&units[group..group_end]);
                group = group_end;
            }
            group_end = end;
        }
        self.close(&units[group..group_end]);
    }

    /// Ends a group of sections: it fits, or it is one section that is too long.
    fn close(&mut self, units: &[Unit]) {
        self.divide(units);
    }

    /// Fills chunks with the units' pieces, each up to the best boundary that fits.
    fn pack(&mut self, units: &[Unit]) {
        let content = self.content(units);
        if content.is_empty() || self.plan.strategy != Strategy::Sentence && self.fits(units) {
            return self.emit_units(units);
        }
        let grain = if self.plan.strategy == Strategy::Sentence { Grain::Sentence } else { Grain::Unit };
        let pieces = pieces(self.text, self.chars, units, grain, self.fresh_size);
        let shifts = match self.plan.strategy {
            Strategy::Semantic => shifts(self.text, &pieces),
            _ => vec![0.0; pieces.len()],
        };
        let mut at = 0;
        while at < pieces.len() {
            let next = self.best_end(&pieces, &shifts, at);
            let is_lexical = |at: usize| pieces.get(at).is_some_and(|piece| piece.boundary >= Boundary::Sentence);
            self.emit(pieces[at].start, pieces[next - 1].end, is_lexical(at) || is_lexical(next));
            at = next;
        }
    }

    /// Where the chunk that starts with piece `at` ends: after at least one piece.
    fn best_end(&self, pieces: &[Piece], shifts: &[f32], at: usize) -> usize {
        let limit = self.limit();
        let start = self.chars.at(pieces[at].start);
        let size = |end: usize| self.chars.at(pieces[end - 1].end) - start;
        let mut best: Option<(f32, usize)> = None;
        let mut last = at + 1;
        for end in at + 1..=pieces.len() {
            if size(end) > limit {
                break;
            }
            last = end;
            if end == pieces.len() {
                return end;
            }
            let fill = size(end) as f32 / limit as f32;
            if fill >= FILL_MIN {
                let score = self.worth(pieces[end].boundary, shifts[end]) + fill / 2.0;
                if best.is_none_or(|(most, _)| score >= most) {
                    best = Some((score, end));
                }
            }
        }
        best.map_or(last, |(_, end)| end)
    }

    /// How good a boundary is to end a chunk at. Between equal ones the fuller chunk wins (half a point for a full
    /// one), so a boundary must be better by more than that to be worth a short chunk.
    fn worth(&self, boundary: Boundary, shift: f32) -> f32 {
        match (self.plan.strategy, boundary) {
            (_, Boundary::Glue) => -2.0,
            (_, Boundary::Grapheme) => -1.5,
            (_, Boundary::Word) => -1.0,
            (Strategy::Sentence, _) => 0.0,
            (Strategy::Semantic, Boundary::Heading(_)) => 1.5,
            (Strategy::Semantic, Boundary::Block) => 0.6 + 0.6 * shift,
            (Strategy::Semantic, Boundary::Item(_)) => 0.4 + 0.3 * shift,
            (Strategy::Semantic, Boundary::Row) => 0.1,
            (Strategy::Semantic, Boundary::Sentence) => 0.8 * shift,
            (_, Boundary::Heading(_) | Boundary::Block) => 1.0,
            (_, Boundary::Item(_)) => 0.5,
            (_, Boundary::Row | Boundary::Sentence) => 0.0,
        }
    }
}
