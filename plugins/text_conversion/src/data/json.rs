//! JSON, and JSON a line. What is often written though it is not JSON is read too: comments, a comma too many, `NaN`.

use super::write::Writer;
use super::{DATA_BYTES_MAX, DEPTH_MAX, VALUES_MAX, Value};
use crate::text;
use morag_conversion::{Converted, failures, formats};
use morag_step::Failure;

/// Converts JSON: regular data to headings, lists and tables, else the text in a block of code. `lines`: a value a line.
///
/// # Errors
/// `EMPTY_DOCUMENT`, `DOCUMENT_TOO_LARGE`.
pub fn convert(bytes: &[u8], lines: bool) -> Result<Converted, Failure> {
    let (source, label) = text::read(bytes, None)?;
    if source.trim().is_empty() {
        return Err(failures::empty("the file has no text but white space"));
    }
    let mut warnings = Vec::new();
    let value = if lines {
        parse_lines(&source)
    } else {
        parse(&source).or_else(|error| parse_lines(&source).map_err(|_| error))
    };
    let markdown = match value {
        Ok(value) => Writer::new(&source, "json").document(&value),
        Err(reason) => {
            warnings.push(format!("the JSON is given as it is written: {reason}"));
            Writer::new(&source, "json").into_written()
        }
    };
    let markdown = markdown.replace('\u{1b}', " ");
    Ok(Converted { encoding: Some(label), warnings, ..Converted::without_pages(&formats::JSON, markdown) })
}

/// A value a line; several of them are a list.
fn parse_lines(source: &str) -> Result<Value, String> {
    let mut left = VALUES_MAX;
    let mut values = Vec::new();
    for (index, line) in source.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let value = parse_within(line, &mut left).map_err(|reason| format!("line {}: {reason}", index + 1))?;
        values.push(value);
    }
    if values.is_empty() { Err("it has no value".into()) } else { Ok(Value::List(values)) }
}

/// Reads a value.
///
/// # Errors
/// What is wrong and where, in words; also for values nested too deep or too many.
pub fn parse(source: &str) -> Result<Value, String> {
    parse_within(source, &mut { VALUES_MAX })
}

fn parse_within(source: &str, left: &mut usize) -> Result<Value, String> {
    if source.len() > DATA_BYTES_MAX {
        return Err(format!("it has more than {DATA_BYTES_MAX} bytes"));
    }
    let mut parser = Parser { source, at: 0, left };
    let value = parser.value(0)?;
    parser.space()?;
    match parser.peek() {
        None => Ok(value),
        Some(c) => Err(parser.wrong(&format!("`{c}` after the end"))),
    }
}

struct Parser<'a> {
    source: &'a str,
    at: usize,
    left: &'a mut usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<char> {
        self.source[self.at..].chars().next()
    }

    fn wrong(&self, what: &str) -> String {
        let line = self.source[..self.at].matches('\n').count() + 1;
        format!("{what} in line {line}")
    }

    /// Skips white space and comments.
    fn space(&mut self) -> Result<(), String> {
        loop {
            let rest = &self.source[self.at..];
            let trimmed = rest.trim_start();
            self.at += rest.len() - trimmed.len();
            if trimmed.starts_with("//") {
                self.at += trimmed.find('\n').unwrap_or(trimmed.len());
            } else if trimmed.starts_with("/*") {
                self.at += trimmed.find("*/").ok_or_else(|| self.wrong("a comment without end"))? + 2;
            } else {
                return Ok(());
            }
        }
    }

    fn value(&mut self, depth: usize) -> Result<Value, String> {
        self.space()?;
        if depth > DEPTH_MAX {
            return Err(self.wrong(&format!("values nested more than {DEPTH_MAX} deep")));
        }
        *self.left = self.left.checked_sub(1).ok_or_else(|| self.wrong(&format!("more than {VALUES_MAX} values")))?;
        match self.peek() {
            Some('{') => self.object(depth),
            Some('[') => self.list(depth),
            Some('"') => Ok(Value::Text(self.string()?)),
            Some(_) => self.plain(),
            None => Err(self.wrong("the end where a value should be")),
        }
    }

    fn list(&mut self, depth: usize) -> Result<Value, String> {
        let mut values = Vec::new();
        self.at += 1;
        loop {
            self.space()?;
            if self.peek() == Some(']') {
                self.at += 1;
                return Ok(Value::List(values));
            }
            values.push(self.value(depth + 1)?);
            self.comma(']')?;
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value, String> {
        let mut entries = Vec::new();
        self.at += 1;
        loop {
            self.space()?;
            match self.peek() {
                Some('}') => {
                    self.at += 1;
                    return Ok(Value::Object(entries));
                }
                Some('"') => {}
                _ => return Err(self.wrong("no name in quotes")),
            }
            let name = self.string()?;
            self.space()?;
            if self.peek() != Some(':') {
                return Err(self.wrong("a name without its colon"));
            }
            self.at += 1;
            let value = self.value(depth + 1)?;
            entries.push((name, value));
            self.comma('}')?;
        }
    }

    /// A comma, or the end, which is left to the caller.
    fn comma(&mut self, end: char) -> Result<(), String> {
        self.space()?;
        match self.peek() {
            Some(',') => {
                self.at += 1;
                Ok(())
            }
            Some(c) if c == end => Ok(()),
            Some(c) => Err(self.wrong(&format!("`{c}` where a comma or `{end}` should be"))),
            None => Err(self.wrong("the end within a list or an object")),
        }
    }

    fn plain(&mut self) -> Result<Value, String> {
        let rest = &self.source[self.at..];
        let end = rest.find(|c: char| c.is_whitespace() || ",]}:\"[{/".contains(c)).unwrap_or(rest.len());
        let word = &rest[..end];
        let number = word.trim_start_matches(['-', '+']).starts_with(|c: char| c.is_ascii_digit() || c == '.')
            && word.chars().all(|c| c.is_ascii_alphanumeric() || "+-._".contains(c));
        if !number
            && !matches!(
                word,
                "true" | "false" | "null" | "NaN" | "Infinity" | "-Infinity" | "undefined" | "None" | "True" | "False"
            )
        {
            let shown: String = word.chars().take(20).collect();
            return Err(self.wrong(&format!("`{shown}` is no value")));
        }
        self.at += end;
        Ok(Value::Plain(word.to_owned()))
    }

    fn string(&mut self) -> Result<String, String> {
        self.at += 1;
        let mut out = String::new();
        loop {
            let rest = &self.source[self.at..];
            let Some(end) = rest.find(['"', '\\']) else { return Err(self.wrong("a text without end")) };
            out.push_str(&rest[..end]);
            self.at += end + 1;
            if rest[end..].starts_with('"') {
                return Ok(out);
            }
            let Some(c) = self.peek() else { return Err(self.wrong("a text without end")) };
            self.at += c.len_utf8();
            match c {
                'n' => out.push('\n'),
                't' => out.push('\t'),
                'r' => out.push('\n'),
                'b' | 'f' => {}
                'u' => out.push(self.unicode()),
                c => out.push(c),
            }
        }
    }

    /// `\uXXXX`, with its second half where it needs one; what is no character is one that stands for such.
    fn unicode(&mut self) -> char {
        let first = self.hex();
        let code = match first {
            Some(high @ 0xd800..=0xdbff) if self.source[self.at..].starts_with("\\u") => {
                let at = self.at;
                self.at += 2;
                match self.hex() {
                    Some(low @ 0xdc00..=0xdfff) => Some(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00)),
                    _ => {
                        self.at = at;
                        None
                    }
                }
            }
            first => first,
        };
        match code.and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER) {
            '\r' => '\n',
            // Notebooks keep the colours of a terminal, which begin so.
            c if c.is_control() && !matches!(c, '\n' | '\t' | '\u{1b}') => ' ',
            c => c,
        }
    }

    fn hex(&mut self) -> Option<u32> {
        let digits =
            self.source.get(self.at..self.at + 4).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))?;
        self.at += 4;
        u32::from_str_radix(digits, 16).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn markdown(source: &str) -> String {
        convert(source.as_bytes(), false).unwrap().markdown
    }

    #[test]
    fn flat_objects_are_a_table_with_numbers_as_they_are_written() {
        let source = r#"[{"n": 1.10, "name": "a|b"}, {"n": 12345678901234567890.5e300, "tags": ["x", "y"]}, {"n": NaN, "n": null,},]"#;
        assert_eq!(
            markdown(source),
            "| n | name | tags |\n| --- | --- | --- |\n| 1.10 | a\\|b | |\n| 12345678901234567890.5e300 | | x, y |\n| NaN; null | | |\n"
        );
    }

    #[test]
    fn objects_are_lists_and_sections() {
        let source = r##"{"title": "A *plan*", "owner": {"name": "Jo", "mail": null}, "steps": ["one", "two\nlines"], "rows": [{"a": 1}], "#": true}"##;
        assert_eq!(
            markdown(source),
            "- **title**: A \\*plan\\*\n- **#**: true\n\n# owner\n\n- **name**: Jo\n- **mail**: null\n\n# steps\n\n- one\n- two\n  lines\n\n\
             # rows\n\n| a |\n| --- |\n| 1 |\n"
        );
    }

    #[test]
    fn a_value_a_line_is_a_list() {
        assert_eq!(convert(b"{\"a\": 1}\n\n{\"a\": 2}\n", true).unwrap().markdown, "| a |\n| --- |\n| 1 |\n| 2 |\n");
        assert_eq!(markdown("{\"a\": 1}\n{\"a\": 2}\n"), "| a |\n| --- |\n| 1 |\n| 2 |\n");
    }

    #[test]
    fn what_is_damaged_or_too_deep_is_given_as_it_is() {
        let converted = convert(b"{\"a\": [1, 2", false).unwrap();
        assert_eq!(converted.markdown, "```json\n{\"a\": [1, 2\n```\n");
        assert!(converted.warnings[0].contains("line 1"), "{:?}", converted.warnings);
        let deep = "[".repeat(100_000);
        let converted = convert(deep.as_bytes(), false).unwrap();
        assert!(converted.warnings[0].contains("nested"), "{:?}", converted.warnings);
        assert!(converted.markdown.contains(&deep));
    }

    #[test]
    fn what_is_not_regular_is_code_that_is_set_out() {
        let deep = format!("{}{{\"a\":\"\\u00e9\\\"\"}}{}", "[[".repeat(4), "]]".repeat(4));
        assert!(markdown(&deep).contains("```json\n"), "{}", markdown(&deep));
        assert!(markdown(&deep).contains("\"a\": \"é\\\"\""), "{}", markdown(&deep));
    }

    #[test]
    fn escapes_of_texts() {
        assert_eq!(parse(r#""\ud83d\ude00 \ud83d \u0041\/\u0000""#), Ok(Value::Text("😀 \u{fffd} A/ ".into())));
        assert_eq!(parse("// c\n{/* d */}"), Ok(Value::Object(vec![])));
    }

    proptest! {
        #[test]
        fn every_word_is_kept(words in proptest::collection::vec("[a-z]{2,8}", 1..8)) {
            let nested = words.iter().rev().fold("[]".to_owned(), |inner, word| format!("{{\"k{word}\": [\"{word}\", {inner}]}}"));
            let markdown = markdown(&nested);
            for word in &words {
                let key = format!("k{word}");
                prop_assert!(markdown.contains(word) && markdown.contains(&key), "{}", markdown);
            }
        }

        #[test]
        fn any_tokens_are_some_document(parts in proptest::collection::vec(prop::sample::select(vec![
            "{", "}", "[", "]", ",", ":", "\"a\"", "\"", "\\u12", "1e5", "null", "//", "/*", "é", "\n", " ", "-",
        ]), 1..40)) {
            let converted = convert(parts.concat().as_bytes(), false);
            prop_assert!(converted.map_or_else(|failure| failure.code == "EMPTY_DOCUMENT", |done| !done.markdown.is_empty()));
        }
    }
}
