//! Counts lines of code.

/// Number of lines with anything but white space and comments. Comments nest, as in Rust; the content of string literals is
/// code.
pub fn code_lines(source: &str) -> usize {
    let mut state = State::Code;
    source.lines().filter(|line| state.line_has_code(line)).count()
}

/// Lexer state at the end of a line.
enum State {
    Code,
    Comment { depth: usize },
    Text,
    RawText { hashes: usize },
}

impl State {
    fn line_has_code(&mut self, line: &str) -> bool {
        let bytes = line.as_bytes();
        let mut found = false;
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            match self {
                State::Comment { depth } => {
                    if rest.starts_with(b"/*") {
                        *depth += 1;
                        at += 2;
                    } else if rest.starts_with(b"*/") {
                        *depth -= 1;
                        at += 2;
                        if *depth == 0 {
                            *self = State::Code;
                        }
                    } else {
                        at += 1;
                    }
                }
                State::Text => {
                    found |= !rest[0].is_ascii_whitespace();
                    at += if rest[0] == b'\\' { 2 } else { 1 };
                    if rest[0] == b'"' {
                        *self = State::Code;
                    }
                }
                State::RawText { hashes } => {
                    found |= !rest[0].is_ascii_whitespace();
                    let closes =
                        rest[0] == b'"' && rest[1..].iter().take_while(|byte| **byte == b'#').count() >= *hashes;
                    at += if closes { 1 + *hashes } else { 1 };
                    if closes {
                        *self = State::Code;
                    }
                }
                State::Code if rest.starts_with(b"//") => return found,
                State::Code if rest.starts_with(b"/*") => {
                    *self = State::Comment { depth: 1 };
                    at += 2;
                }
                State::Code => {
                    found |= !rest[0].is_ascii_whitespace();
                    at += self.enter(rest, at.checked_sub(1).map(|before| bytes[before]));
                }
            }
        }
        found
    }

    /// Handles the start of a token in code; returns the number of bytes to skip.
    fn enter(&mut self, rest: &[u8], before: Option<u8>) -> usize {
        let in_word = before.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_') && before != Some(b'b');
        let hashes = rest.iter().skip(1).take_while(|byte| **byte == b'#').count();
        match rest[0] {
            b'"' => *self = State::Text,
            b'r' if !in_word && rest.get(1 + hashes) == Some(&b'"') => {
                *self = State::RawText { hashes };
                return 2 + hashes;
            }
            // A character literal: `'"'` does not open a string, and `'a` alone is a lifetime.
            b'\'' if rest.get(1) == Some(&b'\\') => return 4.min(rest.len()),
            b'\'' if rest.get(2) == Some(&b'\'') => return 3,
            _ => {}
        }
        1
    }
}

#[cfg(test)]
mod tests {
    use super::code_lines;

    #[test]
    fn blanks_and_comments_are_not_code() {
        assert_eq!(code_lines("//! Doc.\n\n  \nfn a() {} // why\n/* one\n two */\n/* in */ fn b() {}\n"), 2);
        assert_eq!(code_lines("/* a /* b */ still\n */ let x = 1;\n"), 1);
    }

    #[test]
    fn text_is_code_whatever_it_looks_like() {
        assert_eq!(code_lines("let a = \"/*\";\nlet b = 1;\n"), 2);
        assert_eq!(code_lines("let a = \"one\n// two\n\nthree\";\n"), 3);
        assert_eq!(code_lines("let a = r#\"\" /* \"#;\nlet b = '\"';\nlet c = '\\'';\n// end\n"), 3);
        assert_eq!(code_lines("fn f<'a>(x: &'a str) {}\n// no\n"), 1);
    }
}
