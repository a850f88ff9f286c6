//! What a chunk repeats of the one before it.

use crate::cut::Cut;
use crate::options::Plan;
use crate::positions::{CharIndex, parts_here, trimmed};
use crate::structure::Structure;
use unicode_segmentation::UnicodeSegmentation;

/// Characters of its own that a chunk may have beside what it repeats: at least half of the chunk size, so that an
/// overlap, however long, never more than doubles the text.
pub fn fresh_size(plan: Plan) -> usize {
    (plan.size - plan.overlap).max(plan.size / 2)
}

/// Moves the start of each chunk back into the one before it, to the start of a word, by at most the overlap and no
/// further than the chunk size allows. A code block or table row is repeated whole or not at all.
pub fn extend(text: &str, plan: Plan, chars: &CharIndex<'_>, structure: &Structure, cuts: &mut [Cut]) {
    if plan.overlap == 0 {
        return;
    }
    for at in 1..cuts.len() {
        let (before, own) = (&cuts[at - 1], &cuts[at]);
        let room = plan.overlap.min(plan.size.saturating_sub(chars.len(own.fresh..own.end)));
        // Starts increase, and what is repeated is the text before, not what that one repeats itself.
        let bounds = before.fresh + 1..own.fresh;
        if let Some(start) = start_within(text, chars, structure, before.fresh, bounds, room) {
            cuts[at].start = start;
        }
    }
}

fn start_within(
    text: &str,
    chars: &CharIndex<'_>,
    structure: &Structure,
    known: usize,
    bounds: std::ops::Range<usize>,
    room: usize,
) -> Option<usize> {
    let mut from = bounds.end;
    let mut left = room;
    while left > 0 && from > bounds.start {
        from -= text[..from].chars().next_back().map_or(0, char::len_utf8);
        left -= 1;
    }
    let mut start = from.max(bounds.start);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    start = structure.whole_around(start).map_or(start, |whole| whole.end);
    let seen = text.get(start..bounds.end)?;
    let opens_word = text[..start].ends_with(char::is_whitespace) && parts_here(text, start);
    let word = |from: usize| {
        let rest = &text[from..bounds.end];
        let blank = rest.char_indices().find(|(_, c)| c.is_whitespace())?.0;
        let word = rest[blank..].char_indices().find(|(_, c)| !c.is_whitespace())?.0;
        Some(from + blank + word).filter(|&at| parts_here(text, at))
    };
    let start = if opens_word && !seen.starts_with(char::is_whitespace) {
        start
    } else if let Some(word) = word(start) {
        word
    } else {
        // One long word, or a script without blanks: any grapheme will do. Walked from a boundary that is known, so
        // that it is right in a row of flags too.
        let graphemes = text[known..bounds.end].grapheme_indices(true);
        graphemes.map(|(offset, _)| known + offset).find(|&at| at >= start)?
    };
    let start = structure.whole_around(start).map_or(start, |whole| whole.end);
    let start = trimmed(text, start..bounds.end).start;
    let repeats = start < bounds.end && !text[start..bounds.end].trim().is_empty();
    (repeats && chars.len(start..bounds.end) <= room).then_some(start)
}
