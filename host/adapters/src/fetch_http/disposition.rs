//! The file name in `Content-Disposition` (RFC 6266).

use percent_encoding::percent_decode_str;

/// The name that the server gives the file: `filename*` if it is present and valid, else `filename`. It is untrusted: callers must sanitize
/// it before they use it as a path.
pub(super) fn file_name(value: &str) -> Option<String> {
    let parameters = parameters(value);
    let of = |name: &str| parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let extended = of("filename*").and_then(extended);
    extended.or_else(|| of("filename").map(str::to_owned)).filter(|name| !name.trim().is_empty())
}

/// Parameters after the disposition type, with names in lower case, unquoted and unescaped.
fn parameters(value: &str) -> Vec<(String, String)> {
    let (mut parts, mut part) = (Vec::new(), String::new());
    let (mut quoted, mut escaped) = (false, false);
    for c in value.chars() {
        match c {
            _ if escaped => {
                part.push(c);
                escaped = false;
            }
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ';' if !quoted => parts.push(std::mem::take(&mut part)),
            c => part.push(c),
        }
    }
    parts.push(part);
    let pair = |part: String| {
        let (name, value) = part.split_once('=')?;
        Some((name.trim().to_ascii_lowercase(), value.trim().to_owned()))
    };
    parts.into_iter().skip(1).filter_map(pair).collect()
}

/// The text of an extended value (RFC 8187) in UTF-8.
fn extended(value: &str) -> Option<String> {
    let mut parts = value.splitn(3, '\'');
    let (charset, _language, text) = (parts.next()?, parts.next()?, parts.next()?);
    if !charset.eq_ignore_ascii_case("utf-8") {
        return None;
    }
    percent_decode_str(text).decode_utf8().ok().map(|text| text.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_in_every_form() {
        for (value, name) in [
            ("attachment; filename=report.pdf", Some("report.pdf")),
            ("attachment; filename=\"a; b.pdf\"", Some("a; b.pdf")),
            ("attachment; filename=\"a\\\"b.pdf\"", Some("a\"b.pdf")),
            ("inline; FileName=x.md ; a=b", Some("x.md")),
            ("attachment; filename=\"x.pdf\"; filename*=UTF-8''%C3%BCber.pdf", Some("über.pdf")),
            ("attachment; filename*=UTF-8'en'%e2%82%ac.txt", Some("€.txt")),
            ("attachment; filename=\"x.pdf\"; filename*=iso-8859-1''%fc.pdf", Some("x.pdf")),
            ("attachment; filename=\"x.pdf\"; filename*=UTF-8''%ff", Some("x.pdf")),
            ("attachment", None),
            ("filename=x.pdf", None),
            ("attachment; filename=\"\"", None),
            ("attachment; filename=\"unclosed", Some("unclosed")),
            ("", None),
        ] {
            assert_eq!(file_name(value).as_deref(), name, "{value}");
        }
    }
}
