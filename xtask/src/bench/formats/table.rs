//! What the converters made of the documents, and the table of it.
use std::collections::BTreeMap;
use std::fmt::Write;

/// What a converter made of a document.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Its markdown has the document's words so far: F1, 0 to 1.
    Words(f64),
    /// It failed, with the reason.
    Failed(String),
    /// It says that it does not take the format.
    NotTaken,
}

impl Outcome {
    /// Who gives nothing has none of the words.
    fn score(&self) -> f64 {
        if let Self::Words(score) = self { *score } else { 0.0 }
    }
}

/// A document and what each converter made of it, in the order of the names that the table has.
#[derive(Debug)]
pub struct Row {
    /// The file, from the folder that was given.
    pub name: String,
    /// Its format.
    pub format: &'static str,
    /// One for each converter.
    pub outcomes: Vec<Outcome>,
}

/// A line for each format: its files, and of each converter the mean of all of them, with the number of those that it failed on. A dash
/// for a converter that takes no document of the format.
pub fn by_format(converters: &[&str], rows: &[Row]) -> String {
    let mut text = line("format", "files", converters.iter().map(|name| (*name).to_owned()));
    for (format, rows) in grouped(rows) {
        let cells = (0..converters.len()).map(|index| cell(&of_converter(&rows, index)));
        text += &line(format, &rows.len().to_string(), cells);
    }
    text
}

/// A line for each file.
pub fn by_file(converters: &[&str], rows: &[Row]) -> String {
    let mut text = line("file", "", converters.iter().map(|name| (*name).to_owned()));
    for row in rows {
        let cells = row.outcomes.iter().map(|outcome| match outcome {
            Outcome::Words(score) => format!("{score:.3}"),
            Outcome::Failed(_) => "failed".to_owned(),
            Outcome::NotTaken => "-".to_owned(),
        });
        text += &line(&row.name, "", cells);
    }
    text
}

/// A line for each file that a converter failed on, with the reason.
pub fn failures(converters: &[&str], rows: &[Row]) -> String {
    let mut text = String::new();
    for (_, rows) in grouped(rows) {
        for (index, converter) in converters.iter().enumerate() {
            let takes_the_format = takes(&of_converter(&rows, index));
            for row in &rows {
                let reason = match row.outcomes.get(index) {
                    Some(Outcome::Failed(reason)) => reason,
                    Some(Outcome::NotTaken) if takes_the_format => "says that it does not take the format",
                    _ => continue,
                };
                let _ = writeln!(text, "  {converter}, {}: {reason}", row.name);
            }
        }
    }
    text
}

fn grouped(rows: &[Row]) -> BTreeMap<&'static str, Vec<&Row>> {
    let mut formats: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for row in rows {
        formats.entry(row.format).or_default().push(row);
    }
    formats
}

fn of_converter<'a>(rows: &[&'a Row], index: usize) -> Vec<&'a Outcome> {
    rows.iter().filter_map(|row| row.outcomes.get(index)).collect()
}

fn takes(outcomes: &[&Outcome]) -> bool {
    outcomes.iter().any(|outcome| **outcome != Outcome::NotTaken)
}

fn cell(outcomes: &[&Outcome]) -> String {
    if !takes(outcomes) {
        return "-".to_owned();
    }
    let mean = outcomes.iter().map(|outcome| outcome.score()).sum::<f64>() / outcomes.len() as f64;
    match outcomes.iter().filter(|outcome| !matches!(outcome, Outcome::Words(_))).count() {
        0 => format!("{mean:.3}"),
        failed => format!("{mean:.3} ({failed} failed)"),
    }
}

/// Columns under each other: those of the converters under the ends of their names.
fn line(first: &str, count: &str, cells: impl Iterator<Item = String>) -> String {
    // A file's name is longer than a format's, and has no count.
    let mut text = if count.is_empty() { format!("{first:<52}") } else { format!("{first:<8}{count:>6}") };
    for cell in cells {
        // The number stays in its column whether something follows or not.
        let (number, rest) = cell.split_once(' ').map_or((cell.as_str(), ""), |(number, rest)| (number, rest));
        let _ = write!(text, "  {number:>11} {rest:<10}");
    }
    text.trim_end().to_owned() + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONVERTERS: [&str; 2] = ["a", "b"];

    fn row(name: &str, format: &'static str, a: Outcome, b: Outcome) -> Row {
        Row { name: name.to_owned(), format, outcomes: vec![a, b] }
    }

    fn rows() -> [Row; 4] {
        let failed = || Outcome::Failed("too much".to_owned());
        [
            row("1.xlsx", "xlsx", Outcome::Words(1.0), Outcome::NotTaken),
            row("1.docx", "docx", Outcome::Words(0.5), failed()),
            row("2.docx", "docx", Outcome::Words(1.0), Outcome::NotTaken),
            row("3.docx", "docx", Outcome::Words(0.0), Outcome::Words(0.75)),
        ]
    }

    #[test]
    fn a_failure_scores_nothing_and_is_counted() {
        let table = by_format(&CONVERTERS, &rows());
        let words: Vec<Vec<_>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
        let docx = vec!["docx", "3", "0.500", "0.250", "(2", "failed)"];
        assert_eq!(words, [vec!["format", "files", "a", "b"], docx, vec!["xlsx", "1", "1.000", "-"]]);
    }

    #[test]
    fn failures_are_named_unless_the_converter_takes_none_of_the_format() {
        let expected = "  b, 1.docx: too much\n  b, 2.docx: says that it does not take the format\n";
        assert_eq!(failures(&CONVERTERS, &rows()), expected);
    }

    #[test]
    fn a_file_has_one_line() {
        let table = by_file(&CONVERTERS, &rows());
        let last: Vec<_> = table.lines().last().unwrap_or_default().split_whitespace().collect();
        assert_eq!((table.lines().count(), last), (5, vec!["3.docx", "0.000", "0.750"]));
    }
}
