//! Equations as LaTeX.

mod mathml;
mod omml;
mod symbols;

pub use mathml::mathml;
use morag_conversion::escape::formula;
pub use omml::omml;

/// An equation within a line: `$…$`; nothing for an empty one.
pub fn inline(latex: &str) -> String {
    wrap(latex, "$")
}

/// An equation of its own: `$$…$$`; nothing for an empty one.
pub fn display(latex: &str) -> String {
    wrap(latex, "$$")
}

fn wrap(latex: &str, mark: &str) -> String {
    let latex = formula(latex).split_whitespace().collect::<Vec<_>>().join(" ");
    if latex.is_empty() { latex } else { format!("{mark}{latex}{mark}") }
}

/// A group of LaTeX: `{…}`.
fn group(latex: &str) -> String {
    format!("{{{}}}", latex.trim())
}

/// What a script is set to: a single character needs no braces.
fn base(latex: &str) -> String {
    let latex = latex.trim();
    let command = latex.strip_prefix('\\').is_some_and(|rest| rest.chars().all(|c| c.is_ascii_alphabetic()));
    if latex.chars().count() == 1 || command { latex.to_owned() } else { group(latex) }
}
