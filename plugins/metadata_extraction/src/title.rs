//! The title: the document's own, else its first heading, else a first line that looks like one.

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd};

/// Bytes of markdown in which a title is looked for. It stands on the first pages or nowhere.
const SEARCH_BYTES: usize = 32 << 10;
/// Characters of a title.
const CHARS_MAX: usize = 200;
/// A heading of the first level counts if at most so many others come before it: a cover may have a smaller line first.
const HEADINGS_SEEN_MAX: usize = 4;

/// A title from the properties, unless it is one that programs write by themselves: a file name or `untitled`.
pub fn from_property(property: Option<&str>, file_name: &str) -> Option<String> {
    const PROGRAM_FILES: [&str; 14] = [
        ".doc", ".docx", ".dvi", ".indd", ".htm", ".html", ".odt", ".pdf", ".ppt", ".qxd", ".rtf", ".tex", ".tif",
        ".txt",
    ];
    let title = clean(property?)?;
    let lower = title.to_lowercase();
    let lower = lower.strip_prefix("microsoft word - ").unwrap_or(&lower);
    let untitled =
        ["untitled", "document", "dokument", "unbenannt", "sans titre", "title", "titel", "(anonymous)", "unknown"];
    let generated = untitled.contains(&lower)
        || lower.strip_prefix("document").is_some_and(|rest| rest.trim().bytes().all(|b| b.is_ascii_digit()))
        || lower
            .strip_prefix("untitled")
            .is_some_and(|rest| rest.trim().trim_matches(['-', ' ']).bytes().all(|b| b.is_ascii_digit()))
        || lower == file_name.to_lowercase()
        || PROGRAM_FILES.iter().any(|end| lower.ends_with(end));
    (!generated).then_some(title)
}

/// A title from the text: the first heading of the highest level near the beginning, else the first line if it is
/// short and no sentence.
pub fn from_text(markdown: &str) -> Option<String> {
    let end = (0..=SEARCH_BYTES.min(markdown.len())).rev().find(|at| markdown.is_char_boundary(*at))?;
    let mut headings: Vec<(HeadingLevel, String)> = Vec::new();
    let mut open: Option<(HeadingLevel, String)> = None;
    let mut first: Option<String> = None;
    let mut paragraph: Option<String> = None;
    for event in Parser::new_ext(&markdown[..end], Options::ENABLE_TABLES | Options::ENABLE_YAML_STYLE_METADATA_BLOCKS)
    {
        match event {
            Event::Start(Tag::Heading { level, .. }) => open = Some((level, String::new())),
            Event::End(TagEnd::Heading(_)) => headings.extend(open.take().filter(|(_, text)| clean(text).is_some())),
            Event::Start(Tag::Paragraph) if first.is_none() => paragraph = Some(String::new()),
            Event::End(TagEnd::Paragraph) => first = first.or(paragraph.take()),
            Event::Text(text) | Event::Code(text) => {
                if let Some(into) = open.as_mut().map(|(_, into)| into).or(paragraph.as_mut()) {
                    into.push_str(&text);
                }
            }
            Event::SoftBreak | Event::HardBreak => {
                if let Some(into) = open.as_mut().map(|(_, into)| into).or(paragraph.as_mut()) {
                    into.push('\n');
                }
            }
            _ => {}
        }
        if headings.len() == HEADINGS_SEEN_MAX {
            break;
        }
    }
    headings.retain(|(_, text)| !is_section(text));
    let highest = headings.iter().map(|(level, _)| *level).min();
    let heading = headings.into_iter().find(|(level, _)| Some(*level) == highest).and_then(|(_, text)| clean(&text));
    heading.or_else(|| first.as_deref().and_then(plausible))
}

/// A heading that names a part of a document, not the document: it is numbered, or what every book has.
fn is_section(heading: &str) -> bool {
    const PARTS: [&str; 16] = [
        "abstract",
        "contents",
        "table of contents",
        "introduction",
        "preface",
        "foreword",
        "summary",
        "index",
        "inhalt",
        "inhaltsverzeichnis",
        "vorwort",
        "einleitung",
        "sommaire",
        "table des matières",
        "introducción",
        "índice",
    ];
    let heading = heading.trim();
    let (number, rest) = heading.split_once(char::is_whitespace).unwrap_or((heading, ""));
    let numbered = !rest.is_empty()
        && number.starts_with(|c: char| c.is_ascii_digit())
        && number.contains('.')
        && number.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    // `1 Introduction`
    let bare = number.bytes().all(|b| b.is_ascii_digit()) && PARTS.contains(&rest.trim().to_lowercase().as_str());
    numbered || bare || PARTS.contains(&heading.to_lowercase().as_str())
}

/// The first line of the first paragraph, if that is how titles look.
fn plausible(paragraph: &str) -> Option<String> {
    // More words are a sentence without its end.
    const WORDS_MAX: usize = 15;
    let line = clean(paragraph.trim().lines().next()?)?;
    let words = line.split_whitespace().count();
    let letters = line.chars().filter(|c| c.is_alphabetic()).count();
    let sentence = line.ends_with(['.', ',', ';', ':', '!', '?', '。', '、'])
        || line.chars().next().is_some_and(char::is_lowercase);
    (words <= WORDS_MAX && letters >= 5 && letters * 2 >= line.chars().count() && !sentence).then_some(line)
}

/// One line, at most [`CHARS_MAX`] characters, with at least one letter or digit.
fn clean(text: &str) -> Option<String> {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let text: String = text.chars().filter(|c| !c.is_control()).take(CHARS_MAX).collect();
    let text = text.trim().to_owned();
    text.chars().any(char::is_alphanumeric).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(markdown: &str) -> Option<String> {
        from_text(markdown)
    }

    #[test]
    fn headings_come_first() {
        assert_eq!(text("Some company\n\n# The *real* title\n\n## Scope"), Some("The real title".into()));
        assert_eq!(text("## Draft\n\n# The title\n"), Some("The title".into()));
        assert_eq!(text("#\n\n## Only this\n"), Some("Only this".into()));
        assert_eq!(text("---\ntitle: x\n---\n\n# After front matter\n"), Some("After front matter".into()));
    }

    #[test]
    fn sections_are_no_titles() {
        assert_eq!(text("The file format\n\n## 1. Introduction\n\n## 2. Scope\n"), Some("The file format".into()));
        assert_eq!(text("# Contents\n\n# 1 Introduction\n\n# The real one\n"), Some("The real one".into()));
        assert_eq!(text("# 2024 Report\n"), Some("2024 Report".into()));
        assert_eq!(text("## 1.1. Scope\n\nIt is a sentence, so no title.\n"), None);
    }

    #[test]
    fn a_first_line_must_look_like_a_title() {
        assert_eq!(text("Yearly Report 2024\nby Jane\n\nIt was good."), Some("Yearly Report 2024".into()));
        assert_eq!(text("This is a sentence, and no title."), None);
        assert_eq!(text("| a | b |\n| - | - |\n"), None);
        assert_eq!(text("12.5 | 99\n"), None);
        assert_eq!(text(""), None);
    }

    #[test]
    fn titles_that_programs_write_are_not_titles() {
        for generated in ["untitled", "Document1", "Microsoft Word - report.doc", "REPORT.PDF", "paper.dvi", " ", "---"]
        {
            assert_eq!(from_property(Some(generated), "report.pdf"), None, "{generated}");
        }
        assert_eq!(from_property(Some(" Documentation  of X "), "a.pdf"), Some("Documentation of X".into()));
        assert_eq!(from_property(None, "a.pdf"), None);
    }

    proptest! {
        #[test]
        fn never_panics_and_is_one_short_line(markdown in "([#a-z é*`|\\n-]|\\PC){0,80}") {
            if let Some(title) = from_text(&markdown) {
                prop_assert!(!title.contains('\n') && title.chars().count() <= CHARS_MAX && !title.is_empty());
            }
        }
    }
}
