//! Sanitizes names of files. Pure.

/// Longest name that is stored, bytes: the limit of file systems.
const LENGTH_MAX: usize = 255;

/// Longest extension in the stored name, characters.
const EXTENSION_MAX: usize = 10;

/// Name of an upload whose own name is empty once sanitized.
const NAMELESS: &str = "upload";

/// The last component of a submitted name (of either kind of separator), without control characters, at most 255 bytes.
pub fn reduced_file_name(submitted: &str) -> String {
    let last = submitted.rsplit(['/', '\\']).next().unwrap_or_default();
    let clean: String = last.chars().filter(|c| !c.is_control()).collect();
    let clean = clean.trim();
    if matches!(clean, "" | "." | "..") {
        return NAMELESS.into();
    }
    if clean.len() <= LENGTH_MAX {
        return clean.into();
    }
    let suffix = plain_extension(clean).map(|extension| format!(".{extension}")).unwrap_or_default();
    let stem = clean.floor_char_boundary(LENGTH_MAX - suffix.len());
    format!("{}{suffix}", &clean[..stem])
}

/// The extension of a name, if it is of a few ASCII letters and digits.
pub fn plain_extension(name: &str) -> Option<&str> {
    let (stem, extension) = name.rsplit_once('.')?;
    let plain = extension.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (!stem.is_empty() && plain && (1..=EXTENSION_MAX).contains(&extension.len())).then_some(extension)
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
            assert_eq!(reduced_file_name(submitted), kept, "{submitted:?}");
        }
        let long = reduced_file_name(&format!("{}.pdf", "ü".repeat(300)));
        assert!(long.len() <= LENGTH_MAX && long.ends_with("ü.pdf"));
    }
}
