//! A form with a file, as browsers send it.

/// The value of `Content-Type`, and the body.
pub fn form(file_name: &str, bytes: &[u8], fields: &[(&str, &str)]) -> (String, Vec<u8>) {
    let boundary = boundary(bytes, fields);
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

/// A line that is in no part of the form.
fn boundary(bytes: &[u8], fields: &[(&str, &str)]) -> String {
    let is_in = |mark: &[u8]| {
        let parts = fields.iter().map(|(_, value)| value.as_bytes()).chain([bytes]);
        parts.into_iter().any(|part| part.windows(mark.len()).any(|window| window == mark))
    };
    let mut boundary = String::from("xtask-form");
    while is_in(boundary.as_bytes()) {
        boundary.push('-');
    }
    boundary
}

/// What the extension says; the server looks at the content.
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
    fn the_boundary_is_not_in_the_parts() {
        let (content_type, body) = form("a\"b.pdf", b"1 xtask-form 2", &[("x", "xtask-form-")]);
        assert_eq!(content_type, "multipart/form-data; boundary=xtask-form--");
        let text = String::from_utf8(body).unwrap();
        assert!(
            text.starts_with("--xtask-form--\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\nxtask-form-\r\n")
        );
        assert!(text.contains("filename=\"a%22b.pdf\"\r\nContent-Type: application/pdf\r\n\r\n1 xtask-form 2\r\n"));
        assert!(text.ends_with("\r\n--xtask-form----\r\n"));
    }
}
