//! The table of a corpus run.
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::documents::End;
use crate::shell;

/// A line of the table.
#[derive(Debug)]
pub struct Row {
    /// The file, from the corpus's folder.
    pub name: String,
    /// Pages, where the format has any.
    pub pages: Option<u64>,
    /// What became of it.
    pub end: End,
    /// From the start of the upload to the end that we saw.
    pub took: Duration,
    /// The most memory of a step, where the server says.
    pub peak_memory_bytes: Option<u64>,
}

impl Row {
    /// Nothing known yet.
    pub fn new(name: String) -> Self {
        Self { name, pages: None, end: End::None(String::new()), took: Duration::ZERO, peak_memory_bytes: None }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pages = self.pages.map(|pages| pages.to_string()).unwrap_or_default();
        let peak = self.peak_memory_bytes.map(mebibytes).unwrap_or_default();
        write!(f, "{:<60} {pages:>6} {:>8.2} {peak:>8}  {}", self.name, self.took.as_secs_f64(), self.end)
    }
}

fn mebibytes(bytes: u64) -> String {
    bytes.div_ceil(1 << 20).to_string()
}

/// The whole table, and what it comes to.
pub fn print(rows: &[Row], took: Duration, server_peak_bytes: Option<u64>) {
    println!("\n{:<60} {:>6} {:>8} {:>8}  result", "file", "pages", "seconds", "peak MiB");
    for row in rows {
        println!("{row}");
    }
    println!("\n{} files in {}", rows.len(), shell::seconds(took));
    for (end, count) in counts(rows) {
        println!("{count:>5}  {end}");
    }
    let pages: u64 = rows.iter().filter_map(|row| row.pages).sum();
    println!("{pages:>5}  pages of the completed files");
    if let Some(slowest) = rows.iter().max_by_key(|row| row.took) {
        println!("slowest: {} ({})", slowest.name, shell::seconds(slowest.took));
    }
    if let Some(bytes) = server_peak_bytes {
        println!("the server had at most {} MiB resident", mebibytes(bytes));
    }
}

/// How many ended how; all that did not end together.
fn counts(rows: &[Row]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for row in rows {
        let end = if matches!(row.end, End::None(_)) { "NO END".to_owned() } else { row.end.to_string() };
        *counts.entry(end).or_default() += 1;
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(end: End) -> Row {
        Row { end, ..Row::new("a.pdf".to_owned()) }
    }

    #[test]
    fn ends_are_counted_by_kind() {
        let failed = || row(End::Failed("EMPTY_FILE".to_owned()));
        let rows =
            [row(End::Completed), failed(), failed(), row(End::None("x".to_owned())), row(End::None("y".to_owned()))];
        let counts: Vec<_> = counts(&rows).into_iter().collect();
        let expected = [("NO END", 2), ("completed", 1), ("failed EMPTY_FILE", 2)];
        assert_eq!(counts, expected.map(|(end, count)| (end.to_owned(), count)));
    }

    #[test]
    fn unknown_is_blank() {
        let text = row(End::Completed).to_string();
        assert_eq!(text.split_whitespace().collect::<Vec<_>>(), ["a.pdf", "0.00", "completed"]);
        let known = Row { pages: Some(3), peak_memory_bytes: Some(5 << 20), ..row(End::Completed) }.to_string();
        assert_eq!(known.split_whitespace().collect::<Vec<_>>(), ["a.pdf", "3", "0.00", "5", "completed"]);
    }
}
