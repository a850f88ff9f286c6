//! Words of a text and of a markdown, and how far two bags of words agree.
use std::collections::HashMap;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// How often each word is there.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Words(HashMap<String, usize>);

impl Words {
    /// Of plain text: runs of letters and digits in lower case; of Chinese, Japanese and Korean each character.
    pub fn of_text(text: &str) -> Self {
        let mut words = Self::default();
        let mut word = String::new();
        for c in text.chars().filter(|c| !is_invisible(*c)) {
            if c.is_alphanumeric() && !is_cjk(c) {
                word.extend(c.to_lowercase());
                continue;
            }
            words.add(std::mem::take(&mut word));
            if is_cjk(c) {
                words.add(c.to_string());
            }
        }
        words.add(word);
        words
    }

    /// Of what a reader of a markdown sees: no targets of links, no descriptions of pictures, no tags of HTML, no commands of LaTeX but for those that are a letter or a name.
    pub fn of_markdown(markdown: &str) -> Self {
        Self::of_text(&plain(markdown))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn add(&mut self, word: String) {
        if !word.is_empty() {
            *self.0.entry(word).or_default() += 1;
        }
    }

    fn count(&self) -> usize {
        self.0.values().sum()
    }
}

/// The harmonic mean of two shares: how many of the found words are expected, and how many of the expected are found.
pub fn f1(expected: &Words, found: &Words) -> f64 {
    let common: usize =
        expected.0.iter().map(|(word, count)| found.0.get(word).copied().unwrap_or(0).min(*count)).sum();
    let all = expected.count() + found.count();
    if all == 0 { 1.0 } else { 2.0 * common as f64 / all as f64 }
}

/// Scripts without spaces between words, or with a character that is one.
fn is_cjk(c: char) -> bool {
    matches!(c,
        // Kana and its extensions; Han with its extensions, compatible forms and repetition mark; Hangul syllables.
        '\u{3040}'..='\u{30FF}' | '\u{31F0}'..='\u{31FF}' | '\u{FF66}'..='\u{FF9D}'
        | '\u{3005}' | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFF}'
        | '\u{AC00}'..='\u{D7AF}')
        && c.is_alphanumeric()
}

/// What stands within a word and is not seen: soft hyphens, joiners, spaces of no width.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{AD}' | '\u{200B}'..='\u{200D}' | '\u{2060}' | '\u{FEFF}')
}

/// The text of a markdown. Tables are not parsed: their cells are text between bars, and one cell too many would be lost.
fn plain(markdown: &str) -> String {
    let (mut text, mut html, mut pictures) = (String::with_capacity(markdown.len()), String::new(), 0_usize);
    let options = Options::ENABLE_FOOTNOTES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_MATH;
    for event in Parser::new_ext(markdown, options) {
        match event {
            Event::Start(Tag::Image { .. }) => pictures += 1,
            Event::End(TagEnd::Image) => pictures = pictures.saturating_sub(1),
            Event::Text(_) | Event::Code(_) | Event::InlineMath(_) | Event::DisplayMath(_) if pictures > 0 => {}
            Event::Text(words) | Event::Code(words) => text.push_str(&words),
            Event::InlineMath(formula) | Event::DisplayMath(formula) => without_commands(&formula, &mut text),
            Event::Html(part) => html.push_str(&part),
            Event::End(TagEnd::HtmlBlock) => without_tags(&std::mem::take(&mut html), &mut text),
            Event::InlineHtml(tag) => without_tags(&tag, &mut text),
            Event::SoftBreak | Event::HardBreak | Event::Rule => text.push('\n'),
            Event::Start(tag) if is_block(&tag.to_end()) => text.push('\n'),
            Event::End(tag) if is_block(&tag) => text.push('\n'),
            Event::Start(_) | Event::End(_) | Event::FootnoteReference(_) | Event::TaskListMarker(_) => {}
        }
    }
    text
}

fn is_block(tag: &TagEnd) -> bool {
    !matches!(tag, TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough | TagEnd::Link | TagEnd::Image)
}

/// Tags that are within a word as often as between two.
const INLINE: [&str; 12] = ["a", "b", "i", "u", "s", "em", "strong", "span", "sup", "sub", "del", "ins"];

/// The text of HTML, with the few entities that writers of it cannot do without.
fn without_tags(html: &str, text: &mut String) {
    let mut plain = String::new();
    let mut rest = html;
    while let Some((before, tag)) = rest.split_once('<') {
        plain.push_str(before);
        let (end, comment) = if tag.starts_with("!--") { ("-->", true) } else { (">", false) };
        let Some((tag, after)) = tag.split_once(end) else {
            rest = "";
            break;
        };
        let name = tag.trim_start_matches('/').split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
        if comment || !INLINE.contains(&name.to_ascii_lowercase().as_str()) {
            plain.push('\n');
        }
        rest = after;
    }
    plain.push_str(rest);
    for (entity, character) in
        [("&nbsp;", " "), ("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")]
    {
        plain = plain.replace(entity, character);
    }
    text.push_str(&plain);
}

/// Greek letters by the names that LaTeX has for them. The variants of some are the same letter to a reader.
const GREEK: [(&str, char); 38] = [
    ("alpha", 'α'),
    ("beta", 'β'),
    ("gamma", 'γ'),
    ("delta", 'δ'),
    ("epsilon", 'ε'),
    ("varepsilon", 'ε'),
    ("zeta", 'ζ'),
    ("eta", 'η'),
    ("theta", 'θ'),
    ("vartheta", 'ϑ'),
    ("iota", 'ι'),
    ("kappa", 'κ'),
    ("lambda", 'λ'),
    ("mu", 'μ'),
    ("nu", 'ν'),
    ("xi", 'ξ'),
    ("pi", 'π'),
    ("rho", 'ρ'),
    ("sigma", 'σ'),
    ("varsigma", 'ς'),
    ("tau", 'τ'),
    ("upsilon", 'υ'),
    ("phi", 'φ'),
    ("varphi", 'φ'),
    ("chi", 'χ'),
    ("psi", 'ψ'),
    ("omega", 'ω'),
    ("Gamma", 'Γ'),
    ("Delta", 'Δ'),
    ("Theta", 'Θ'),
    ("Lambda", 'Λ'),
    ("Xi", 'Ξ'),
    ("Pi", 'Π'),
    ("Sigma", 'Σ'),
    ("Upsilon", 'Υ'),
    ("Phi", 'Φ'),
    ("Psi", 'Ψ'),
    ("Omega", 'Ω'),
];

/// Functions whose names in LaTeX are what is shown.
const FUNCTIONS: [&str; 22] = [
    "sin", "cos", "tan", "cot", "sec", "csc", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "log", "ln", "exp",
    "lim", "max", "min", "sup", "inf", "det", "gcd",
];

/// A formula without its `\name`s: its letters and numbers are the document's, and these are the converter's, but for those that are
/// shown as they are called.
fn without_commands(formula: &str, text: &mut String) {
    text.push(' ');
    let mut chars = formula.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\\' {
            text.push(c);
            continue;
        }
        let name: String = std::iter::from_fn(|| chars.next_if(char::is_ascii_alphabetic)).collect();
        match GREEK.iter().find(|(of, _)| *of == name) {
            Some((_, letter)) => text.push(*letter),
            None if FUNCTIONS.contains(&name.as_str()) => text.extend([" ", &name, " "]),
            None => text.push(' '),
        }
    }
    text.push(' ');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(list: &[&str]) -> Words {
        let mut words = Words::default();
        list.iter().for_each(|word| words.add((*word).to_owned()));
        words
    }

    #[test]
    fn words_are_runs_of_letters_and_digits_in_lower_case() {
        assert_eq!(Words::of_text("Éa, e_mail\u{2014}3.14 b2B\n"), words(&["éa", "e", "mail", "3", "14", "b2b"]));
        assert_eq!(Words::of_text("co\u{AD}operate"), words(&["cooperate"]));
        assert!(Words::of_text(" – * \n").is_empty());
    }

    #[test]
    fn characters_of_east_asia_are_words() {
        assert_eq!(Words::of_text("PDFの表、漢字 漢"), words(&["pdf", "の", "表", "漢", "字", "漢"]));
        assert_eq!(Words::of_text("한국 서울"), words(&["한", "국", "서", "울"]));
        assert_eq!(Words::of_text("Привет мир"), words(&["привет", "мир"]));
    }

    #[test]
    fn the_marks_of_markdown_are_no_words() {
        let markdown = "# Ti**tle** [^1]\n\n1. one\n2. [two](http://example.org/path \"x\") ![alt](data:image/png;base64,AAAA)\n\n\
                        | a\\_b | c |\n|---|---|\n| d&amp;e | f<br>g | h |\n\n[^1]: Note\n\n`code` x<sup>2</sup> <!-- no -->\n";
        let expected = ["title", "one", "two", "a", "b", "c", "d", "e", "f", "g", "h", "note", "code", "x2"];
        assert_eq!(Words::of_markdown(markdown), words(&expected));
    }

    #[test]
    fn html_and_formulas_are_read() {
        let html = "<!-- Slide 1 -->\n<table>\n<tr><td>one<b>s</b></td><td>a &lt; b</td></tr>\n</table>\n";
        assert_eq!(Words::of_markdown(html), words(&["ones", "a", "b"]));
        assert_eq!(
            Words::of_markdown("$\\frac{a}{b_1}$ and $$\\sin x^{2}=m\\lambda$$"),
            words(&["a", "b", "1", "and", "sin", "x", "2", "mλ"])
        );
        assert_eq!(Words::of_markdown("costs $5 and $6"), words(&["costs", "5", "and", "6"]));
    }

    #[test]
    fn f1_counts_each_word_as_often_as_it_is_there() {
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-9, "{a} {b}");
        close(f1(&words(&["a", "b"]), &words(&["b", "a"])), 1.0);
        close(f1(&words(&["a", "b"]), &words(&["c"])), 0.0);
        close(f1(&words(&["a", "b"]), &Words::default()), 0.0);
        // Precision 2/4, recall 2/3.
        close(f1(&words(&["a", "a", "b"]), &words(&["a", "b", "b", "c"])), 4.0 / 7.0);
    }

    #[test]
    fn f1_is_the_same_from_both_sides() {
        let (a, b) = (Words::of_text("the cat and the dog"), Words::of_text("the dog barks"));
        assert!((f1(&a, &b) - f1(&b, &a)).abs() < 1e-9);
    }
}
