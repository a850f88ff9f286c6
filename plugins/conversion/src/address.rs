//! Addresses that a document says, as they stand in a link: none leads to a script.

/// Schemes of addresses that stay links. Others run a script (`javascript:`, `vbscript:`), are a page of their own (`data:`), or lead to
/// where only the author's machine can go (`file:`, `cid:`).
const SCHEMES: [&str; 6] = ["http", "https", "mailto", "ftp", "ftps", "tel"];

/// An address as browsers read it: control characters and blanks around it, and tabs and line ends within it, are not there.
fn read(address: &str) -> String {
    let address = address.trim_matches(|c: char| c.is_whitespace() || c.is_control());
    address.chars().filter(|c| !matches!(c, '\t' | '\n' | '\r')).collect()
}

fn scheme(address: &str) -> Option<&str> {
    let before_path = address.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    before_path.split_once(':').map(|(scheme, _)| scheme)
}

/// Whether an address leads to what lies beside the document, or within it: it names no scheme and no host.
pub fn is_relative(address: &str) -> bool {
    let address = read(address);
    scheme(&address).is_none() && !address.replace('\\', "/").starts_with("//")
}

/// The address of a link, as it stands between the parentheses of one; none where it is empty, or of a scheme that no reader should
/// follow. An address without a scheme is relative, and stays.
pub fn target(address: &str) -> Option<String> {
    let address = read(address);
    let is_followed =
        scheme(&address).is_none_or(|scheme| SCHEMES.iter().any(|known| known.eq_ignore_ascii_case(scheme)));
    if address.is_empty() || !is_followed {
        return None;
    }
    let mut out = String::with_capacity(address.len() + 8);
    for (at, c) in address.char_indices() {
        match c {
            // Would be read as the character that it names: `javascript&colon;`.
            '&' if is_entity(&address[at + 1..]) => out.push_str("\\&"),
            // What ends a target, a cell or a span of code, or escapes the character after it.
            '(' | ')' | '<' | '>' | '\\' | '|' | '`' | '"' => push_percent(&mut out, c),
            c if c.is_whitespace() || c.is_control() => push_percent(&mut out, c),
            c => out.push(c),
        }
    }
    Some(out)
}

fn push_percent(out: &mut String, c: char) {
    for byte in c.encode_utf8(&mut [0; 4]).bytes() {
        out.push_str(&format!("%{byte:02X}"));
    }
}

/// Whether a text after `&` names a character: `lt;`, `#60;`.
pub fn is_entity(after: &str) -> bool {
    let rest = after.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '#');
    rest.len() < after.len() && rest.starts_with(';')
}

#[cfg(test)]
mod tests {
    use super::*;
    use pulldown_cmark::{Event, Parser, Tag};

    #[test]
    fn only_addresses_to_follow_stay() {
        for (address, kept) in [
            ("https://a.example/x_(y)?a=1&b=2#c", Some("https://a.example/x_%28y%29?a=1&b=2#c")),
            ("MAILTO:jo@a.example", Some("MAILTO:jo@a.example")),
            ("tel:+49", Some("tel:+49")),
            ("//a.example/b", Some("//a.example/b")),
            ("a b/c:d.html", Some("a%20b/c:d.html")),
            ("#part", Some("#part")),
            (" http://a/\n b<c>\u{a0}", Some("http://a/%20b%3Cc%3E")),
            ("x?a=1&lt;", Some("x?a=1\\&lt;")),
            ("", None),
            ("javascript:alert(1)", None),
            (" JaVa\nScript:alert(1)", None),
            ("\u{1}javascript:1", None),
            ("vbscript:x", None),
            ("data:text/html;base64,PHNj", None),
            ("file:///etc/passwd", None),
            ("java script:1", None),
        ] {
            assert_eq!(target(address).as_deref(), kept, "{address}");
        }
    }

    #[test]
    fn an_entity_does_not_become_the_colon_of_a_scheme() {
        for (address, kept) in [
            ("javascript&colon;alert(1)", "javascript&colon;alert%281%29"),
            ("javascript&#58;alert(1)", "javascript&#58;alert%281%29"),
            ("javascript&#x3a;/alert(1)", "javascript&#x3a;/alert%281%29"),
            ("javascript\\:alert(1)", "javascript%5C:alert%281%29"),
        ] {
            let markdown = format!("[a]({})", target(address).unwrap_or_default());
            let read = Parser::new(&markdown).find_map(|event| match event {
                Event::Start(Tag::Link { dest_url, .. }) => Some(dest_url.into_string()),
                _ => None,
            });
            assert_eq!(read.as_deref(), Some(kept), "{address}");
        }
    }
}
