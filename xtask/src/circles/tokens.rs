//! Rust source as tokens, as far as imports need it: identifiers, texts and single characters; comments are left out.

/// A piece of source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Token {
    /// An identifier or keyword, without `r#`.
    Ident(String),
    /// A string's content, as it is written.
    Text(String),
    /// `::`.
    PathSeparator,
    /// Any other character.
    Mark(char),
}

impl Token {
    /// Whether it is this identifier or keyword.
    pub fn is(&self, word: &str) -> bool {
        matches!(self, Self::Ident(ident) if ident == word)
    }
}

/// Takes source apart. Source that does not compile gives some tokens, and never an endless loop.
pub fn tokens(source: &str) -> Vec<Token> {
    let chars: Vec<char> = source.chars().collect();
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(&c) = chars.get(at) {
        let next = chars.get(at + 1).copied();
        at = match (c, next) {
            ('/', Some('/')) => end_of_line(&chars, at),
            ('/', Some('*')) => end_of_comment(&chars, at),
            ('"', _) => text(&chars, at + 1, &mut found),
            ('\'', _) => character(&chars, at),
            ('r' | 'b' | 'c', Some('"' | '#' | 'r' | '\'')) if literal_start(&chars, at).is_some() => {
                match literal_start(&chars, at) {
                    Some(Literal::Raw { start, hashes }) => raw_text(&chars, start, hashes, &mut found),
                    Some(Literal::Text { start }) => text(&chars, start, &mut found),
                    Some(Literal::Character { start }) => character(&chars, start),
                    None => at + 1,
                }
            }
            ('r', Some('#')) => at + 2,
            (':', Some(':')) => {
                found.push(Token::PathSeparator);
                at + 2
            }
            _ if c == '_' || c.is_alphabetic() => {
                let end = end_while(&chars, at, |c| c == '_' || c.is_alphanumeric());
                found.push(Token::Ident(chars[at..end].iter().collect()));
                end
            }
            // A number takes its suffix along: it is no identifier.
            _ if c.is_ascii_digit() => end_while(&chars, at, |c| c == '_' || c.is_alphanumeric()),
            _ => {
                if !c.is_whitespace() {
                    found.push(Token::Mark(c));
                }
                at + 1
            }
        };
    }
    found
}

enum Literal {
    /// `r"…"`, `br#"…"#`.
    Raw { start: usize, hashes: usize },
    /// `b"…"`, `c"…"`.
    Text { start: usize },
    /// `b'…'`.
    Character { start: usize },
}

/// The literal with a prefix that begins here.
fn literal_start(chars: &[char], at: usize) -> Option<Literal> {
    let prefix = end_while(chars, at, |c| matches!(c, 'r' | 'b' | 'c'));
    let is_raw = prefix <= at + 2 && chars[at..prefix].contains(&'r');
    let open = end_while(chars, prefix, |c| c == '#');
    match chars.get(open)? {
        '"' if is_raw => Some(Literal::Raw { start: open + 1, hashes: open - prefix }),
        '"' if open == prefix && prefix == at + 1 => Some(Literal::Text { start: open + 1 }),
        '\'' if open == prefix && prefix == at + 1 && chars[at] == 'b' => Some(Literal::Character { start: open }),
        _ => None,
    }
}

fn end_while(chars: &[char], from: usize, holds: impl Fn(char) -> bool) -> usize {
    chars[from..].iter().position(|c| !holds(*c)).map_or(chars.len(), |length| from + length)
}

fn end_of_line(chars: &[char], from: usize) -> usize {
    end_while(chars, from, |c| c != '\n')
}

/// The end of a block comment, which may have others in it.
fn end_of_comment(chars: &[char], from: usize) -> usize {
    let (mut at, mut depth) = (from, 0_usize);
    while at < chars.len() {
        match (chars[at], chars.get(at + 1)) {
            ('/', Some('*')) => (at, depth) = (at + 2, depth + 1),
            ('*', Some('/')) => (at, depth) = (at + 2, depth - 1),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn text(chars: &[char], start: usize, found: &mut Vec<Token>) -> usize {
    let mut end = start;
    while end < chars.len() && chars[end] != '"' {
        end += if chars[end] == '\\' { 2 } else { 1 };
    }
    let end = end.min(chars.len());
    found.push(Token::Text(chars[start..end].iter().collect()));
    end + 1
}

fn raw_text(chars: &[char], start: usize, hashes: usize, found: &mut Vec<Token>) -> usize {
    let ends = |at: &usize| chars[*at] == '"' && chars[at + 1..].iter().take_while(|c| **c == '#').count() >= hashes;
    let end = (start..chars.len()).find(ends).unwrap_or(chars.len());
    found.push(Token::Text(chars[start..end].iter().collect()));
    end + 1 + hashes
}

/// The end of a character, or of the quote of a lifetime.
fn character(chars: &[char], quote: usize) -> usize {
    match (chars.get(quote + 1), chars.get(quote + 2)) {
        (Some('\\'), _) => (quote + 3..chars.len()).find(|at| chars[*at] == '\'').map_or(chars.len(), |end| end + 1),
        (_, Some('\'')) => quote + 3,
        _ => quote + 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(source: &str) -> String {
        let shown = |token| match token {
            Token::Ident(ident) => ident,
            Token::Text(text) => format!("{text:?}"),
            Token::PathSeparator => "::".into(),
            Token::Mark(mark) => mark.to_string(),
        };
        tokens(source).into_iter().map(shown).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn comments_and_literals_are_no_identifiers() {
        assert_eq!(shown("a /* b /* c */ d */ e // f\ng"), "a e g");
        assert_eq!(
            shown(r##"x("a \" b", r#"c " d"#, b"e", 'f', '\'', b'g', 12u8)"##),
            r#"x ( "a \\\" b" , "c \" d" , "e" , , , , )"#
        );
        assert_eq!(shown("fn f<'a>(x: &'a str, r#type: r::b) {}"), "fn f < a > ( x : & a str , type : r :: b ) { }");
    }

    #[test]
    fn what_is_cut_off_ends() {
        for source in ["\"a", "r#\"a", "/* a", "'", "b'", "a::", "'\\"] {
            tokens(source);
        }
    }
}
