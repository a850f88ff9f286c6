//! The media type, where no converter says it.

/// The type a file came with, unless that says nothing; else by its extension; else none.
pub fn guess(submitted: &str, file_name: &str) -> Option<String> {
    const KNOWN: [(&str, &str); 9] = [
        ("pdf", "application/pdf"),
        ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        ("txt", "text/plain"),
        ("md", "text/markdown"),
        ("markdown", "text/markdown"),
        ("html", "text/html"),
        ("htm", "text/html"),
        ("csv", "text/csv"),
        ("epub", "application/epub+zip"),
    ];
    let essence = submitted.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if essence.contains('/') && essence != "application/octet-stream" {
        return Some(essence);
    }
    let extension = file_name.rsplit_once('.')?.1.to_ascii_lowercase();
    KNOWN.iter().find(|(known, _)| *known == extension).map(|(_, media_type)| (*media_type).to_owned())
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
