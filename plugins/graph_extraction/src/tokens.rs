//! A block's text into words, numbers, signs and addresses. Markdown's own signs, tags and inline code are passed over.

/// How a word is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// `word`
    Lower,
    /// `Word`
    Capital,
    /// `WORD`, two letters at least
    Upper,
    /// `W`
    Initial,
    /// `iPhone`, `McDonald`, `JavaScript`
    Mixed,
}

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// Letters, with digits, hyphens and apostrophes inside.
    Word(Shape),
    /// Starts with a digit: `12`, `1,234.5`, `2024-01-10`, `10th`.
    Number,
    /// Any other sign; `\u{fffc}` stands for something left out, such as inline code.
    Sign(char),
    /// A web address.
    Url,
    /// An e-mail address.
    Email,
}

/// A piece of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    /// First byte in the document.
    pub start: usize,
    /// Byte after the last one.
    pub end: usize,
    /// What it is.
    pub kind: TokenKind,
}

impl Token {
    /// The token's text.
    pub fn text<'a>(&self, document: &'a str) -> &'a str {
        &document[self.start..self.end]
    }

    /// Whether it is this sign.
    pub fn is(&self, sign: char) -> bool {
        self.kind == TokenKind::Sign(sign)
    }

    /// How the word is written; none for anything but words.
    pub fn shape(&self) -> Option<Shape> {
        match self.kind {
            TokenKind::Word(shape) => Some(shape),
            _ => None,
        }
    }

    /// Whether it is a word that starts with, or holds, a capital.
    pub fn is_capital(&self) -> bool {
        !matches!(self.shape(), None | Some(Shape::Lower))
    }
}

/// Stands for inline code and other things left out.
pub const LEFT_OUT: char = '\u{fffc}';

/// Bytes within which a tag or an address must end: a longer one is none, and looking further would cost square time.
const CLOSE_WITHIN: usize = 2_000;

/// The tokens of `document[start..end]`.
pub fn tokens(document: &str, start: usize, end: usize) -> Vec<Token> {
    let mut scanner = Scanner { document, at: start, end, tokens: Vec::new() };
    while scanner.at < end {
        scanner.next();
    }
    scanner.tokens
}

struct Scanner<'a> {
    document: &'a str,
    at: usize,
    end: usize,
    tokens: Vec<Token>,
}

fn in_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || ('\u{300}'..'\u{370}').contains(&c)
}

impl<'a> Scanner<'a> {
    fn rest(&self) -> &'a str {
        &self.document[self.at..self.end]
    }

    /// The rest as far as an address or a tag may reach.
    fn near(&self) -> &'a str {
        let rest = self.rest();
        &rest[..rest.floor_char_boundary(CLOSE_WITHIN)]
    }

    fn push(&mut self, length: usize, kind: TokenKind) {
        self.tokens.push(Token { start: self.at, end: self.at + length, kind });
        self.at += length;
    }

    fn next(&mut self) {
        let Some(c) = self.rest().chars().next() else { return };
        match c {
            _ if c.is_whitespace() => self.at += c.len_utf8(),
            '*' | '~' | '\\' | '\u{ad}' | '\u{200b}' | '\u{feff}' => self.at += c.len_utf8(),
            '_' if !self.rest()[1..].starts_with(in_word) || self.at_word_start() => self.at += 1,
            '`' => self.inline_code(),
            '<' => self.tag(),
            '&' => self.character_reference(),
            ']' if self.rest().starts_with("](") => self.link(),
            _ if c.is_ascii_digit() => self.number(),
            _ if in_word(c) => self.word(),
            _ => self.push(c.len_utf8(), TokenKind::Sign(c)),
        }
    }

    fn at_word_start(&self) -> bool {
        !self.document[..self.at].ends_with(in_word)
    }

    fn inline_code(&mut self) {
        let rest = self.near();
        let ticks = rest.bytes().take_while(|byte| *byte == b'`').count();
        let length = rest[ticks..].find(&rest[..ticks]).map_or(ticks, |close| ticks + close + ticks);
        self.push(length, TokenKind::Sign(LEFT_OUT));
    }

    fn tag(&mut self) {
        let rest = self.near();
        let inside = &rest[1..];
        let tag = inside.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '!');
        match inside.find('>') {
            Some(close) if tag => {
                let content = &inside[..close];
                if is_address(content) || is_email(content) {
                    self.at += 1;
                    let kind = if is_address(content) { TokenKind::Url } else { TokenKind::Email };
                    self.push(close, kind);
                    self.at += 1;
                } else {
                    self.at += close + 2;
                }
            }
            _ => self.push(1, TokenKind::Sign('<')),
        }
    }

    fn character_reference(&mut self) {
        let rest = self.rest();
        let name = rest[1..].bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'#').count();
        let reference = name > 0 && name < 12 && rest[1 + name..].starts_with(';');
        if reference && &rest[1..1 + name] == "nbsp" {
            self.at += name + 2;
        } else {
            self.push(if reference { name + 2 } else { 1 }, TokenKind::Sign('&'));
        }
    }

    /// `](destination "title")`: the text before it was read already; a destination on the web is an address.
    fn link(&mut self) {
        let rest = self.near();
        let mut depth = 0;
        // No address has a link inside; stopping there keeps the time linear.
        let rest = rest[2..].find("](").map_or(rest, |next| &rest[..next + 2]);
        let close = rest.char_indices().skip(1).find(|(_, c)| {
            depth += match c {
                '(' => 1,
                ')' => -1,
                _ => 0,
            };
            depth == 0
        });
        let Some((close, _)) = close else { return self.push(1, TokenKind::Sign(']')) };
        let inside = &rest[2..close];
        let after = self.at + close + 1;
        let lead = inside.len() - inside.trim_start_matches([' ', '<']).len();
        let target = inside[lead..].split(|c: char| c.is_whitespace() || c == '>').next().unwrap_or_default();
        if is_address(target) {
            self.at += 2 + lead;
            self.push(target.len(), TokenKind::Url);
        } else if let Some(email) = target.strip_prefix("mailto:").filter(|email| is_email(email)) {
            self.at += 2 + lead + "mailto:".len();
            self.push(email.len(), TokenKind::Email);
        }
        self.at = after;
    }

    fn number(&mut self) {
        let rest = self.rest();
        let mut length = 0;
        let mut chars = rest.char_indices().peekable();
        while let Some((place, c)) = chars.next() {
            let next = chars.peek().map(|(_, next)| *next);
            let joins = matches!(c, '.' | ',' | '/' | '-' | ':' | '\'') && next.is_some_and(|c| c.is_ascii_digit());
            if !(c.is_alphanumeric() || joins) {
                break;
            }
            length = place + c.len_utf8();
        }
        if let Some(email) = email_at(rest, length) {
            return self.push(email, TokenKind::Email);
        }
        self.push(length.max(1), TokenKind::Number);
    }

    fn word(&mut self) {
        let rest = self.rest();
        if let Some(length) = address_at(self.near()) {
            return self.push(length, TokenKind::Url);
        }
        if let Some(length) = dotted(rest) {
            return self.push(length, TokenKind::Word(Shape::Upper));
        }
        let mut length = 0;
        let mut chars = rest.char_indices().peekable();
        while let Some((place, c)) = chars.next() {
            let next = chars.peek().map(|(_, next)| *next);
            let letter_follows = next.is_some_and(char::is_alphanumeric);
            let joins = match c {
                '-' | '\u{2010}' | '\u{2011}' => letter_follows,
                '\'' | '’' if letter_follows => {
                    // French articles and pronouns stand before the word they belong to; English 's stands behind it.
                    let before = rest[..place].to_lowercase();
                    let elided = matches!(
                        before.as_str(),
                        "l" | "d" | "j" | "qu" | "s" | "n" | "m" | "t" | "c" | "jusqu" | "lorsqu"
                    );
                    let after = rest[place + c.len_utf8()..].split(|c| !in_word(c)).next().unwrap_or_default();
                    if elided {
                        break;
                    }
                    !matches!(after, "s" | "S" | "ll" | "re" | "ve")
                }
                // `CP/M`, `OS/2`
                '/' => {
                    let after = rest[place + 1..].split(|c| !in_word(c)).next().unwrap_or_default();
                    (1..=2).contains(&after.len())
                        && after
                            .chars()
                            .chain(rest[..place].chars())
                            .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
                }
                '&' => next.is_some_and(char::is_uppercase) && rest[..place].chars().all(char::is_uppercase),
                _ => false,
            };
            if !(in_word(c) || joins) {
                break;
            }
            length = place + c.len_utf8();
        }
        let length = match &rest[length..] {
            plus if plus.starts_with("++") => length + 2,
            sharp if length == 1 && sharp.starts_with('#') => length + 1,
            _ => length,
        };
        let trimmed = rest[..length].trim_end_matches('_').len();
        if let Some(email) = email_at(rest, length) {
            return self.push(email, TokenKind::Email);
        }
        let length = if trimmed > 0 { trimmed } else { length.max(1) };
        let shape = shape(&rest[..length]);
        self.push(length, TokenKind::Word(shape));
        // The 's of an English genitive is no word.
        let rest = self.rest();
        for genitive in ["'s", "’s", "'S", "’S"] {
            if rest.starts_with(genitive) && !rest[genitive.len()..].starts_with(in_word) {
                self.push(genitive.len(), TokenKind::Sign('\''));
                return;
            }
        }
    }
}

/// How a word is written.
pub fn shape(word: &str) -> Shape {
    let upper = word.chars().filter(|c| c.is_uppercase()).count();
    let lower = word.chars().filter(|c| c.is_lowercase()).count();
    let first = word.chars().next().is_some_and(char::is_uppercase);
    match (upper, lower) {
        (0, _) => Shape::Lower,
        (1, 0) if word.chars().count() == 1 => Shape::Initial,
        (_, 0) => Shape::Upper,
        _ if first
            && word
                .split(['-', '\u{2010}', '\u{2011}'])
                .all(|part| part.chars().skip(1).all(|c| !c.is_uppercase())) =>
        {
            Shape::Capital
        }
        _ => Shape::Mixed,
    }
}

/// `U.S.`, `e.g.`: single letters with a full stop behind each; two at least.
fn dotted(text: &str) -> Option<usize> {
    let mut length = 0;
    let mut letters = 0;
    let mut rest = text;
    let mut chars = rest.chars();
    while let (Some(letter), Some('.')) = (chars.next(), chars.next()) {
        if !letter.is_uppercase() {
            break;
        }
        length += letter.len_utf8() + 1;
        letters += 1;
        rest = &text[length..];
        chars = rest.chars();
    }
    (letters >= 2).then_some(length)
}

fn is_address(text: &str) -> bool {
    address_at(text) == Some(text.len())
}

/// Length of the address the text starts with.
fn address_at(text: &str) -> Option<usize> {
    let schemes = ["http://", "https://", "ftp://", "www."];
    let scheme =
        schemes.iter().find(|scheme| text.get(..scheme.len()).is_some_and(|head| head.eq_ignore_ascii_case(scheme)))?;
    let ends =
        |c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"' | '`' | '|' | '{' | '}' | '^' | '”' | '“' | '»');
    let mut address = &text[..text.find(ends).unwrap_or(text.len())];
    for reference in ["&gt;", "&lt;", "&quot;"] {
        address = address.split(reference).next().unwrap_or(address);
    }
    loop {
        let open = address.matches('(').count();
        let close = address.matches(')').count();
        let open_square = address.matches('[').count();
        let close_square = address.matches(']').count();
        let shorter = address.strip_suffix(|c: char| {
            matches!(c, '.' | ',' | ';' | ':' | '!' | '?' | '\'' | '*' | '_' | '’' | '\\')
                || (c == ')' && close > open)
                || (c == ']' && close_square > open_square)
        });
        match shorter {
            Some(shorter) => address = shorter,
            None => break,
        }
    }
    // A link whose text is its address: `[https://a.example](https://…)`.
    if let Some(close) = address.find("](") {
        address = &address[..close];
    }
    let host = &address[scheme.len().min(address.len())..];
    (host.len() >= 3 && host.starts_with(|c: char| c.is_alphanumeric() || c == '[')).then_some(address.len())
}

fn is_email(text: &str) -> bool {
    text.find('@').is_some_and(|at| email_at(text, at) == Some(text.len()))
}

/// Length of the e-mail address the text starts with, of whose local part `length` bytes are read already.
fn email_at(text: &str, length: usize) -> Option<usize> {
    // RFC 5321: 64 bytes of local part, 255 of domain.
    let local = &text[length..];
    let more = local.bytes().take(64).take_while(|b| b.is_ascii_alphanumeric() || b"._%+-".contains(b)).count();
    let domain = local[more..].strip_prefix('@')?;
    let length_of_domain =
        domain.bytes().take(255).take_while(|b| b.is_ascii_alphanumeric() || b".-".contains(b)).count();
    let domain = domain[..length_of_domain].trim_end_matches(['.', '-']);
    let dot = domain.rfind('.')?;
    (dot > 0 && domain.len() - dot > 2).then_some(length + more + 1 + domain.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Vec<&str> {
        tokens(text, 0, text.len()).iter().map(|token| token.text(text)).collect()
    }

    #[test]
    fn words_numbers_and_signs() {
        assert_eq!(
            read("**Jane** O'Brien's C++ in the U.S., 1,234.5 kg."),
            ["Jane", "O'Brien", "'s", "C++", "in", "the", "U.S.", ",", "1,234.5", "kg", "."]
        );
        assert_eq!(read("l'Université d’Orsay"), ["l", "'", "Université", "d", "’", "Orsay"]);
        assert_eq!(read("AT&T and _Jean-Pierre_ &amp; co"), ["AT&T", "and", "Jean-Pierre", "&amp;", "co"]);
    }

    #[test]
    fn addresses_lose_their_sentence() {
        let text = "See https://a.example/x_(y)?q=1. Mail a.b+c@d.example, [home](http://h.example/ \"t\") <https://z.example>.";
        let found: Vec<_> = tokens(text, 0, text.len())
            .iter()
            .filter(|token| matches!(token.kind, TokenKind::Url | TokenKind::Email))
            .map(|token| token.text(text))
            .collect();
        assert_eq!(found, ["https://a.example/x_(y)?q=1", "a.b+c@d.example", "http://h.example/", "https://z.example"]);
    }

    #[test]
    fn code_and_tags_are_left_out() {
        assert_eq!(read("a `Secret Name` <b class=\"X\">bold</b>"), ["a", "`Secret Name`", "bold"]);
        let text = "a `X`";
        assert!(tokens(text, 0, text.len())[1].is(LEFT_OUT));
    }

    #[test]
    fn shapes() {
        let shapes = ["word", "Word", "WORD", "W", "iPhone", "Jean-Pierre", "Ärzte"].map(shape);
        use Shape::*;
        assert_eq!(shapes, [Lower, Capital, Upper, Initial, Mixed, Capital, Capital]);
    }

    proptest! {
        #[test]
        fn tokens_are_in_order_on_boundaries_and_not_empty(text in "([a-zA-Z0-9<>\\[\\]()&@.:/'`_*\\- \n]|https://|[äß漢🦆’]){0,80}") {
            let mut last = 0;
            for token in tokens(&text, 0, text.len()) {
                prop_assert!(last <= token.start && token.start < token.end);
                prop_assert!(text.get(token.start..token.end).is_some());
                last = token.end;
            }
        }
    }
}
