//! Cuts `markdown.md` into chunks that each make sense alone, and writes them as `chunks.json`.
//!
//! | strategy | what a chunk is |
//! |---|---|
//! | `semantic` | a section, or small neighbouring sections together; a long one is cut between blocks, long prose where the topic shifts |
//! | `sentence` | whole sentences, as many as fit |
//! | `paragraph` | whole paragraphs, lists, tables and code blocks, as many as fit; a long list is cut between items, a long table between rows, a long paragraph between sentences |
//! | `page` | a page; one that is longer than `chunk_size` is cut as `paragraph` does. Without pages: `paragraph`, which is then the strategy reported |
//! | `fixed` | as many characters as fit |
//!
//! A code block, a table row and a grapheme are never cut: one that is longer than `chunk_size` is a chunk of its own,
//! and the only reason why a chunk is longer than asked. (A fence that is never closed and swallows more than 20,000
//! bytes counts as text.) A chunk with an overlap repeats the end of the chunk before it,
//! from the start of a word; both together keep within `chunk_size`. `heading_path` is that of the place where the
//! chunk's own text begins.
//!
//! [`structure`] takes the markdown apart, [`pieces`] its long paragraphs, [`cohesion`] says where topics shift, [`cutter`]
//! puts the pieces together, [`output`] writes them.

pub mod cohesion;
pub mod cut;
pub mod cutter;
pub mod fixed;
pub mod options;
pub mod output;
mod overlap;
pub mod pages;
pub mod pieces;
pub mod positions;
pub mod structure;

use morag_step::{Data, Descriptor, Failure, Level, Output, Step, Task, blob_bytes, host};
use options::{Plan, Strategy};
use pages::Pages;
use structure::Structure;

/// Name of the artifact.
const CHUNKS: &str = "chunks.json";

/// The step.
#[derive(Debug)]
pub struct Chunking;

impl Step for Chunking {
    fn describe() -> Descriptor {
        Descriptor::new("chunking", env!("CARGO_PKG_VERSION"), "Cuts markdown into chunks that each make sense alone")
            .reads("markdown.md")
            .reads_if_present("document.json")
            .writes(Output::new(CHUNKS, "application/json").published_as("chunks_file_url"))
            .configured_by(options::config_schema())
    }

    fn run() -> Result<Data, Failure> {
        run(&host::TaskHandle)
    }
}

morag_step::export_step!(Chunking);

/// Runs the step over a task.
///
/// # Errors
/// `INVALID_OPTION` for an option out of its range, `TOO_MANY_CHUNKS` for an overlap that multiplies the text beyond
/// bounds, and what reading and writing artifacts fails with.
pub fn run(task: &dyn Task) -> Result<Data, Failure> {
    let mut plan = Plan::from(&task.info().options, &task.config()?)?;
    let markdown = task.artifact_text("markdown.md")?;
    let pages = match task.artifact("document.json") {
        Some(blob) => Pages::parse(&blob_bytes(blob.as_ref())?).map_err(|error| {
            Failure::new("INPUT_INVALID", format!("document.json is not what this step reads: {error}"))
        })?,
        None => Pages::default(),
    };
    if plan.strategy == Strategy::Page && pages.is_empty() {
        task.log(Level::Warn, "the document has no pages: cut by paragraph instead of by page");
        plan = plan.falling_back_to(Strategy::Paragraph);
    }
    task.report_progress(0.25, "Read the document's structure");
    let mut structure = Structure::of(&markdown);
    task.report_progress(0.5, "Cutting the text");
    let cuts = cutter::cut(&markdown, plan, &mut structure, &pages.starts())?;
    task.report_progress(0.75, &format!("Writing {} chunks", cuts.len()));
    let mut writer = task.create_artifact(CHUNKS)?;
    let sizes = output::write(writer.as_mut(), &markdown, plan, &structure, &pages, &cuts)?;
    writer.finish()?;
    task.report_progress(1.0, &format!("{} chunks", sizes.count));
    Ok(sizes.data(plan))
}
