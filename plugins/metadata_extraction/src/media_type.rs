//! The media type, where no converter says it.

/// The type a file came with, unless that says nothing; else by its extension; else none.
pub fn guess(submitted: &str, file_name: &str) -> Option<String> {
    let essence = morag_formats::essence(submitted).to_ascii_lowercase();
    if essence.contains('/') && essence != "application/octet-stream" {
        return Some(essence);
    }
    let format = morag_formats::by_extension(&morag_formats::extension(file_name));
    format.map(|format| format.media_type().to_owned())
}

#[cfg(test)]
mod tests {
    use super::guess;

    #[test]
    fn a_type_that_says_nothing_is_not_used() {
        assert_eq!(guess("Text/HTML; charset=utf-8", "a.pdf").as_deref(), Some("text/html"));
        assert_eq!(guess("application/octet-stream", "a.PDF").as_deref(), Some("application/pdf"));
        assert_eq!(guess("", "a.xyz"), None);
        assert_eq!(guess("", "README"), None);
    }
}
