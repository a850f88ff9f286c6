//! Encodes a `multipart/form-data` body with a file.
use std::hash::{BuildHasher, Hasher, RandomState};

/// Returns the `Content-Type` value and the body.
pub fn form(file_name: &str, bytes: &[u8], fields: &[(&str, &str)]) -> (String, Vec<u8>) {
    let boundary = boundary();
    let mut body = Vec::with_capacity(bytes.len() + 1024);
    for (name, value) in fields {
        let head = format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        body.extend(head.as_bytes());
    }
    let file_name = file_name.replace('"', "%22").replace(['\r', '\n'], " ");
    let head = format!("--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{file_name}\"\r\n");
    body.extend(head.as_bytes());
    body.extend(format!("Content-Type: {}\r\n\r\n", media_type(&file_name)).as_bytes());
    body.extend(bytes);
    body.extend(format!("\r\n--{boundary}--\r\n").as_bytes());
    (format!("multipart/form-data; boundary={boundary}"), body)
}

/// A random 128-bit boundary. Checking that a large file does not contain it would be slower than sending the file.
fn boundary() -> String {
    let random = || RandomState::new().build_hasher().finish();
    format!("xtask-{:016x}{:016x}", random(), random())
}

/// Media type by extension; the server detects the type from the content.
fn media_type(file_name: &str) -> &'static str {
    match file_name.rsplit('.').next().map(str::to_ascii_lowercase).as_deref() {
        Some("pdf") => "application/pdf",
        Some("docx") => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        Some("md") => "text/markdown",
        Some("html" | "htm") => "text/html",
        Some("csv") => "text/csv",
        Some("txt") => "text/plain",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_stand_between_boundaries() {
        let (content_type, body) = form("a\"b.pdf", b"1 2", &[("x", "y")]);
        let boundary = content_type.strip_prefix("multipart/form-data; boundary=").unwrap();
        let text = String::from_utf8(body).unwrap();
        let parts: Vec<_> = text.split(&format!("--{boundary}")).collect();
        assert_eq!(parts[1], "\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\ny\r\n");
        assert!(parts[2].contains("filename=\"a%22b.pdf\"\r\nContent-Type: application/pdf\r\n\r\n1 2\r\n"));
        assert_eq!((parts[0], parts[3], parts.len()), ("", "--\r\n", 4));
        assert_ne!(form("a", b"", &[]).0, content_type);
    }
}
