//! The reference to a picture in the markdown.

use crate::escape::label;

/// `![alt](file)`, where `alt` is plain text, and `file` has neither blanks nor brackets. It can stand within a cell of a table:
/// bars are left to what writes cells.
pub fn reference(alt: &str, file: &str) -> String {
    format!("![{}]({file})", label(alt))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::property;
    use proptest::prelude::*;
    use pulldown_cmark::{Event, Options, Parser, Tag};

    /// Alternative text and target of what is one picture and nothing else to a reader of markdown.
    fn read(markdown: &str) -> Option<(String, String)> {
        let options = Options::ENABLE_FOOTNOTES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_MATH;
        let (mut file, mut alt) = (None, String::new());
        for event in Parser::new_ext(markdown, options) {
            match event {
                Event::Start(Tag::Image { dest_url, .. }) if file.is_none() => file = Some(dest_url.into_string()),
                Event::Text(text) => alt.push_str(&text),
                Event::Start(Tag::Paragraph) | Event::End(_) => {}
                _ => return None,
            }
        }
        Some((alt, file?))
    }

    #[test]
    fn odd_characters_of_an_alternative_text_are_no_markup() {
        let odd = "a](http://evil.example) ![b] <script> &lt; `c` *d* _e_ ~~f~~ \\ $g$";
        assert_eq!(read(&reference(odd, "image-1.png")), Some((odd.into(), "image-1.png".into())));
        assert_eq!(reference("Sales | 2024 (Q1)", "image-1.png"), "![Sales | 2024 (Q1)](image-1.png)");
        assert_eq!(reference("^1", "image-1.png"), "![\\^1](image-1.png)");
    }

    proptest! {
        #[test]
        fn an_alternative_text_is_read_as_it_was(text in r"[\[\]()!`*_~<>&\\$^|#a;:/ 1-]{0,24}") {
            let alt = property(&text).unwrap_or_else(|| "Image 1".into());
            prop_assert_eq!(read(&reference(&alt, "image-1.png")), Some((alt, "image-1.png".into())));
        }
    }
}
