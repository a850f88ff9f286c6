//! Names and media types that uploads are stored with. Pure.

use morag_core::task::{ArtifactName, plain_extension};

/// Name under which an upload of this (reduced) name is stored: `original.EXT`, or `original.bin`.
pub fn stored_as(name: &str) -> ArtifactName {
    let stored = format!("original.{}", plain_extension(name).unwrap_or("bin"));
    #[expect(clippy::expect_used, reason = "`original.` and 1 to 10 ASCII letters or digits is an artifact name")]
    stored.parse().expect("an artifact name")
}

/// Media type of an upload: as submitted if that is specific, else by the name.
pub fn media_type(submitted: Option<&str>, name: &str) -> String {
    let plain = |text: &&str| text.len() <= 127 && text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
    let says = |text: &&str| text.contains('/') && !text.starts_with("application/octet-stream");
    let submitted = submitted.filter(plain).filter(says);
    submitted.map_or_else(|| by_name(name), str::to_owned)
}

/// Media type of files of this name: of a format that is converted, else of any other.
pub fn by_name(name: &str) -> String {
    let known =
        morag_formats::by_extension(&morag_formats::extension(name)).map(|format| format.media_type().to_owned());
    known.unwrap_or_else(|| mime_guess::from_path(name).first_or_octet_stream().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_extension_is_stored() {
        for (name, stored) in [
            ("a.PDF", "original.PDF"),
            ("a.tar.gz", "original.gz"),
            ("a", "original.bin"),
            (".pdf", "original.bin"),
            ("a.", "original.bin"),
            ("a.p df", "original.bin"),
            ("a.ü", "original.bin"),
            ("a.abcdefghijk", "original.bin"),
        ] {
            assert_eq!(stored_as(name).as_str(), stored, "{name}");
        }
    }

    #[test]
    fn the_media_type_is_guessed_where_nobody_says() {
        assert_eq!(media_type(Some("application/pdf"), "x.md"), "application/pdf");
        assert_eq!(media_type(Some("application/octet-stream"), "x.md"), "text/markdown");
        assert_eq!(media_type(None, "x.pdf"), "application/pdf");
        assert_eq!(media_type(Some("text/x\r\nevil"), "x"), "application/octet-stream");
    }
}
