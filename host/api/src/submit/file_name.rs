//! Sanitizes the names of uploads. Pure.

use morag_core::task::{ArtifactName, SourceType};

/// Longest name that is stored, bytes: the limit of file systems.
const LENGTH_MAX: usize = 255;

/// Longest extension in the stored name, characters.
const EXTENSION_MAX: usize = 10;

/// Name of an upload whose own name is empty once sanitized.
const NAMELESS: &str = "upload";

/// The last component of a submitted name (of either kind of separator), without control characters, at most 255 bytes.
pub fn reduce(submitted: &str) -> String {
    let last = submitted.rsplit(['/', '\\']).next().unwrap_or_default();
    let clean: String = last.chars().filter(|c| !c.is_control()).collect();
    let clean = clean.trim();
    if matches!(clean, "" | "." | "..") {
        return NAMELESS.into();
    }
    if clean.len() <= LENGTH_MAX {
        return clean.into();
    }
    let suffix = extension(clean).map(|extension| format!(".{extension}")).unwrap_or_default();
    let stem = clean.floor_char_boundary(LENGTH_MAX - suffix.len());
    format!("{}{suffix}", &clean[..stem])
}

fn extension(name: &str) -> Option<&str> {
    let (stem, extension) = name.rsplit_once('.')?;
    let plain = extension.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (!stem.is_empty() && plain && (1..=EXTENSION_MAX).contains(&extension.len())).then_some(extension)
}

/// Name under which an upload of this (reduced) name is stored: `original.EXT`, or `original.bin`.
pub fn stored_as(name: &str) -> ArtifactName {
    let stored = format!("original.{}", extension(name).unwrap_or("bin"));
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

/// Kind of source by its media type. Other than audio, video and images are documents.
pub fn source_type(media_type: &str) -> SourceType {
    match media_type.split('/').next() {
        Some("audio") => SourceType::Audio,
        Some("video") => SourceType::Video,
        Some("image") => SourceType::Image,
        _ => SourceType::Document,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_leave_its_folder() {
        for (submitted, kept) in [
            ("report.pdf", "report.pdf"),
            ("../../x", "x"),
            ("..\\..\\x.txt", "x.txt"),
            ("/etc/passwd", "passwd"),
            ("C:\\docs\\a.docx", "a.docx"),
            ("a\0b\n.md", "ab.md"),
            ("..", "upload"),
            ("a/", "upload"),
            ("", "upload"),
            ("Übung 1.md", "Übung 1.md"),
        ] {
            assert_eq!(reduce(submitted), kept, "{submitted:?}");
        }
        let long = reduce(&format!("{}.pdf", "ü".repeat(300)));
        assert!(long.len() <= LENGTH_MAX && long.ends_with("ü.pdf"));
    }

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
        assert_eq!(source_type("audio/mpeg"), SourceType::Audio);
        assert_eq!(source_type("application/pdf"), SourceType::Document);
    }
}
