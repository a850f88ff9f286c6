//! Links and pictures in markdown whose address and words come from the document: neither may become markup, nor lead to a script.

use crate::address::target;
use crate::escape::{label, plain_label};

/// The title of a link, as it stands between quotation marks.
pub fn title(text: &str) -> String {
    label(text).replace('"', "\\\"")
}

/// A picture at an address: `![alt](target "title")`. Its words alone, where the address is none to follow.
pub fn picture(alt: &str, address: &str, words: Option<&str>) -> String {
    let Some(target) = target(address) else { return plain_label(alt) };
    let words = words.map(title).filter(|words| !words.is_empty());
    match words {
        Some(words) => format!("![{}]({target} \"{words}\")", label(alt)),
        None => format!("![{}]({target})", label(alt)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use pulldown_cmark::{Event, Parser, Tag};

    #[test]
    fn the_words_of_a_picture_that_is_not_followed_begin_no_block() {
        for (alt, written) in
            [("# a", "\\# a"), ("1. a", "1\\. a"), ("- a\n\n# b", "\\- a # b"), ("C#", "C#"), ("", "")]
        {
            assert_eq!(picture(alt, "javascript:1", None), written);
        }
    }

    proptest! {
        /// Whatever a picture says and wherever it lies, a reader of markdown sees one picture in one paragraph, and nothing else.
        #[test]
        fn any_picture_is_one_picture(
            alt in "[\\[\\]()!`*_~<>&\\\\#a;:/\" \n-]{0,20}",
            address in "[\\[\\]()!`*_<>&\\\\#a;/\" \n-]{0,20}",
            words in "[\\[\\]()!`*_<>&\\\\#a;:/\" \n-]{0,20}",
        ) {
            let markdown = picture(&alt, &format!("x{address}"), Some(&words));
            let mut pictures = 0;
            for event in Parser::new(&markdown) {
                match event {
                    Event::Start(Tag::Image { .. }) => pictures += 1,
                    Event::Text(_) | Event::Start(Tag::Paragraph) | Event::End(_) => {}
                    event => prop_assert!(false, "{event:?} of {markdown}"),
                }
            }
            prop_assert_eq!(pictures, 1, "{}", markdown);
        }
    }
}
