//! Chunks by length alone.

use crate::cut::Cut;
use crate::options::Plan;
use morag_step::Failure;
use std::collections::VecDeque;
use std::ops::Range;
use unicode_segmentation::UnicodeSegmentation;

/// Chunks at most: an overlap one less than the chunk size would make as many as the text has characters.
pub const CHUNKS_MAX: usize = 200_000;

/// Cuts a window of `size` characters every `size - overlap`. Graphemes, code blocks and table rows stay whole: a window
/// ends before one that does not fit, and one that is longer than a window is a chunk alone. Blank windows are left out.
///
/// # Errors
/// `TOO_MANY_CHUNKS` beyond [`CHUNKS_MAX`].
pub fn cut(text: &str, plan: Plan, wholes: &[Range<usize>]) -> Result<Vec<Cut>, Failure> {
    let mut cuts: Vec<Cut> = Vec::new();
    // Elements of the window: where each starts and how many characters it has.
    let mut window: VecDeque<(usize, usize)> = VecDeque::new();
    let mut length = 0;
    let mut fresh = 0;
    let mut elements = Elements { text, wholes, at: 0 }.peekable();
    loop {
        let next = elements.next_if(|next| window.is_empty() || length + next.1 <= plan.size);
        if let Some(element) = next {
            length += element.1;
            window.push_back(element);
            continue;
        }
        let Some(&(start, _)) = window.front() else { break };
        let end = elements.peek().map_or(text.len(), |next| next.0);
        if !text[start..end].trim().is_empty() && end > fresh {
            if cuts.len() == CHUNKS_MAX {
                return Err(too_many(plan));
            }
            cuts.push(Cut { start, fresh: start.max(fresh), end, method: plan.strategy.name() });
            fresh = end;
        }
        let Some(&(_, next_length)) = elements.peek() else { break };
        // The next window repeats at most the overlap, and leaves room for what comes.
        let keep = plan.overlap.min(plan.size.saturating_sub(next_length));
        while let Some((_, first)) = window.front().filter(|_| length > keep) {
            length -= first;
            window.pop_front();
        }
    }
    Ok(cuts)
}

fn too_many(plan: Plan) -> Failure {
    let message = format!(
        "a chunk_size of {} with a chunk_overlap of {} makes more than {CHUNKS_MAX} chunks of this document: \
         lower chunk_overlap or raise chunk_size",
        plan.size, plan.overlap
    );
    Failure::new("TOO_MANY_CHUNKS", message).with("option", "chunk_overlap").with("value", plan.overlap)
}

/// Graphemes, code blocks and table rows of a text, in order: start and characters of each.
struct Elements<'a> {
    text: &'a str,
    wholes: &'a [Range<usize>],
    at: usize,
}

impl Iterator for Elements<'_> {
    type Item = (usize, usize);

    fn next(&mut self) -> Option<(usize, usize)> {
        let start = self.at;
        while self.wholes.first().is_some_and(|whole| whole.end <= start) {
            self.wholes = &self.wholes[1..];
        }
        let end = match self.wholes.first() {
            Some(whole) if whole.start == start => whole.end,
            _ => start + self.text[start..].graphemes(true).next()?.len(),
        };
        self.at = end;
        Some((start, self.text[start..end].chars().count()))
    }
}
