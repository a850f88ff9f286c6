//! Numbers of the items of lists.

use super::styles::Styles;

/// Lists that are within each other.
#[derive(Debug, Default)]
pub struct Lists {
    open: Vec<(Option<String>, u32)>,
    /// How far the last list of the first level went: one that goes on begins there.
    last: u32,
}

impl Lists {
    /// A list begins; without a style of its own it has that of the list around it.
    pub fn open(&mut self, style: Option<String>, goes_on: bool) {
        let style = style.or_else(|| self.open.last().and_then(|open| open.0.clone()));
        let count = if goes_on && self.open.is_empty() { self.last } else { 0 };
        self.open.push((style, count));
    }

    /// It ends.
    pub fn close(&mut self) {
        if let Some((_, count)) = self.open.pop()
            && self.open.is_empty()
        {
            self.last = count;
        }
    }

    /// The level of the innermost list, from 0; none outside of any.
    pub fn level(&self) -> Option<usize> {
        self.open.len().checked_sub(1)
    }

    /// Counts an item, and gives its marker and what stands before its text.
    pub fn next(&mut self, styles: &Styles, start: Option<u32>) -> (String, String) {
        let Some(level) = self.level() else { return ("-".into(), String::new()) };
        let Some((style, count)) = self.open.last_mut() else { return ("-".into(), String::new()) };
        let found = style.as_deref().and_then(|style| styles.level(style, level));
        let begin = start.or(found.map(|found| found.start)).unwrap_or(1);
        *count = if *count == 0 || start.is_some() { begin.clamp(1, 999_999_999) } else { count.saturating_add(1) };
        match found.and_then(|found| Some((found.number.as_deref()?, &found.suffix))) {
            None => ("-".into(), String::new()),
            Some(("1", _)) => (format!("{count}."), String::new()),
            Some((format, suffix)) => ("-".into(), format!("{}{suffix} ", number(format, *count))),
        }
    }
}

fn number(format: &str, number: u32) -> String {
    use crate::write::numbers::{letters, roman};
    match format {
        "a" => letters(number),
        "A" => letters(number).to_uppercase(),
        "i" => roman(number),
        "I" => roman(number).to_uppercase(),
        _ => number.to_string(),
    }
}
