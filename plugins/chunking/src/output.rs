//! `chunks.json` and what the step says about it.

use crate::cut::Cut;
use crate::options::Plan;
use crate::pages::Pages;
use crate::positions::CharIndex;
use crate::structure::Structure;
use morag_step::{Data, Failure, Writer, json};
use serde::Serialize;

/// Bytes kept before they are handed to the host: what one call takes.
const PIECE_BYTES: usize = 1 << 20;

#[derive(Serialize)]
struct Chunk<'a> {
    index: usize,
    text: &'a str,
    method: &'a str,
    start: usize,
    end: usize,
    char_start: usize,
    char_end: usize,
    pages: Vec<u32>,
    heading_path: Vec<&'a str>,
}

/// Sizes of the chunks written, in characters.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// How many chunks.
    pub count: usize,
    /// Characters of all together.
    pub total: usize,
    /// Characters of the shortest; 0 without chunks.
    pub min: usize,
    /// Characters of the longest; 0 without chunks.
    pub max: usize,
}

impl Sizes {
    fn add(&mut self, size: usize) {
        self.min = if self.count == 0 { size } else { self.min.min(size) };
        self.max = self.max.max(size);
        self.total += size;
        self.count += 1;
    }

    /// The step's data.
    pub fn data(self, plan: Plan) -> Data {
        let average = (self.total + self.count / 2).checked_div(self.count).unwrap_or(0);
        morag_step::data(json!({
            "chunks_created": self.count,
            "chunking_strategy": plan.strategy.name(),
            "average_chunk_size": average,
            "chunk_size_range": { "min": self.min, "max": self.max },
        }))
    }
}

/// Writes `chunks.json`, a part at a time: texts that overlap can be several times the document.
///
/// # Errors
/// What the host says when it cannot take more.
pub fn write(
    writer: &mut dyn Writer,
    text: &str,
    plan: Plan,
    structure: &Structure,
    pages: &Pages,
    cuts: &[Cut],
) -> Result<Sizes, Failure> {
    let chars = CharIndex::new(text);
    let mut sizes = Sizes::default();
    let mut outline = Outline { structure, next: 0, open: Vec::new() };
    let mut out = format!(
        r#"{{"chunking_strategy":"{}","chunk_size":{},"chunk_overlap":{},"chunks":["#,
        plan.strategy.name(),
        plan.size,
        plan.overlap
    )
    .into_bytes();
    for (index, cut) in cuts.iter().enumerate() {
        let (char_start, char_end) = (chars.at(cut.start), chars.at(cut.end));
        sizes.add(char_end - char_start);
        let chunk = Chunk {
            index,
            text: &text[cut.start..cut.end],
            method: cut.method,
            start: cut.start,
            end: cut.end,
            char_start,
            char_end,
            pages: pages.of(cut.start, cut.end),
            heading_path: outline.path(text, cut),
        };
        out.extend_from_slice(if index == 0 { b"\n" } else { b",\n" });
        serde_json::to_writer(&mut out, &chunk)
            .map_err(|error| Failure::new("CHUNK_NOT_WRITTEN", format!("chunk {index}: {error}")))?;
        if out.len() >= PIECE_BYTES {
            writer.write(&out)?;
            out.clear();
        }
    }
    out.extend_from_slice(b"\n]}\n");
    writer.write(&out)?;
    Ok(sizes)
}

/// The headings in force while chunks are walked in order.
struct Outline<'a> {
    structure: &'a Structure,
    next: usize,
    open: Vec<usize>,
}

impl<'a> Outline<'a> {
    /// Titles from the outermost heading to the one the chunk's own text begins under. Headings that the chunk begins
    /// with count, as far as each is below the one before.
    fn path(&mut self, text: &str, cut: &Cut) -> Vec<&'a str> {
        let headings = &self.structure.headings;
        while let Some(heading) = headings.get(self.next) {
            let opens = heading.range.start <= cut.fresh;
            let follows = self.open.last().is_some_and(|&last| {
                let last = &headings[last];
                let begins = last.range.start >= cut.fresh && heading.range.start < cut.end;
                begins && heading.level > last.level && text[last.range.end..heading.range.start].trim().is_empty()
            });
            if !opens && !follows {
                break;
            }
            while self.open.last().is_some_and(|&last| headings[last].level >= heading.level) {
                self.open.pop();
            }
            self.open.push(self.next);
            self.next += 1;
        }
        self.open.iter().map(|&at| headings[at].title.trim()).filter(|title| !title.is_empty()).collect()
    }
}
