//! Prints the graph of a markdown file, and how long it took on the error output: `cargo run --release --example extract FILE.md`.

use std::io::Write;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("say which markdown file")?;
    let markdown = std::fs::read_to_string(path)?;
    let start = std::time::Instant::now();
    let found = graph_extraction::extract(&markdown, None, &mut |_| {});
    let seconds = start.elapsed().as_secs_f64();
    let graph = &found.graph;
    let (entities, relations, facts) = (graph.entities.len(), graph.relations.len(), graph.facts.len());
    let language = found.language;
    eprintln!(
        "{} bytes, {language:?}: {entities} entities, {relations} relations, {facts} facts in {seconds:.3} s",
        markdown.len()
    );
    found.notes.iter().for_each(|note| eprintln!("{note}"));
    serde_json::to_writer_pretty(std::io::stdout().lock(), graph)?;
    Ok(std::io::stdout().flush()?)
}
