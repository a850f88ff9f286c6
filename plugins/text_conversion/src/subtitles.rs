//! Subtitles: WebVTT and SubRip.

use crate::text;
use morag_conversion::document::{Properties, property};
use morag_conversion::escape::inline;
use morag_conversion::{Converted, Format, encoding, failures};
use morag_step::Failure;

/// A text and when it is shown.
struct Cue {
    seconds: u64,
    speaker: Option<String>,
    lines: Vec<String>,
}

/// Converts subtitles: a paragraph for each, after its time.
///
/// # Errors
/// `DOCUMENT_TOO_LARGE`, `EMPTY_DOCUMENT` without text, `CORRUPT_DOCUMENT` for text without times.
pub fn convert(bytes: &[u8], format: &'static Format) -> Result<Converted, Failure> {
    let (source, label) = text::read(bytes, None)?;
    if source.trim().is_empty() {
        return Err(failures::empty("the file has no text but white space"));
    }
    let (cues, bad) = cues(&source);
    let mut out = String::new();
    let mut before: Vec<String> = Vec::new();
    for cue in cues {
        // Captions that roll repeat the line before.
        let new: Vec<&str> = cue.lines.iter().filter(|line| !before.contains(line)).map(String::as_str).collect();
        if !new.is_empty() {
            let (hours, minutes, seconds) = (cue.seconds / 3600, cue.seconds / 60 % 60, cue.seconds % 60);
            out.push_str(&format!("[{hours:02}:{minutes:02}:{seconds:02}] "));
            if let Some(speaker) = &cue.speaker {
                out.push_str(&inline(speaker));
                out.push_str(": ");
            }
            out.push_str(&inline(&new.join(" ")));
            out.push_str("\n\n");
        }
        before = cue.lines;
    }
    if out.is_empty() {
        return Err(match bad {
            0 if source.contains("-->") => failures::empty("no subtitle has text"),
            _ => failures::corrupt(format, "it has no line with the times of a subtitle"),
        });
    }
    out.truncate(out.len() - 1);
    let title = source.lines().next().and_then(|line| line.trim().strip_prefix("WEBVTT"));
    let title = title.map(|title| title.trim_start_matches([' ', '\t', '-'])).and_then(property);
    let warnings =
        if bad > 0 { vec![format!("{bad} subtitles without a readable time are left out")] } else { Vec::new() };
    let properties = Properties { title, ..Properties::default() };
    Ok(Converted { encoding: Some(label), properties, warnings, ..Converted::without_pages(format, out) })
}

/// Whether a text begins as WebVTT does.
pub fn is_vtt(bytes: &[u8]) -> bool {
    let (text, _) = encoding::decode(&bytes[..bytes.len().min(64)], None);
    let rest = text.trim_start_matches('\u{feff}').strip_prefix("WEBVTT");
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace))
}

/// The subtitles, and how many had no readable time.
fn cues(source: &str) -> (Vec<Cue>, usize) {
    let (mut cues, mut bad) = (Vec::new(), 0);
    let mut lines = source.lines();
    while let Some(line) = lines.next() {
        // Notes and styles have no times; what they say is no subtitle.
        let Some((from, _)) = line.split_once("-->") else {
            if ["NOTE", "STYLE", "REGION"].iter().any(|block| {
                line.strip_prefix(block).is_some_and(|rest| rest.trim_start().len() < rest.len() || rest.is_empty())
            }) {
                lines.by_ref().take_while(|line| !line.trim().is_empty()).for_each(drop);
            }
            continue;
        };
        let text: Vec<&str> = lines.by_ref().take_while(|line| !line.trim().is_empty()).collect();
        let Some(seconds) = time(from) else {
            bad += 1;
            continue;
        };
        let mut speaker = None;
        for line in text {
            let (who, words) = plain(line);
            // Another speaker is another paragraph of the same time.
            if who.is_some() || speaker.is_none() {
                speaker = Some(who.clone());
                cues.push(Cue { seconds, speaker: who, lines: Vec::new() });
            }
            if let Some(cue) = cues.last_mut().filter(|_| !words.trim().is_empty()) {
                cue.lines.push(words.trim().to_owned());
            }
        }
    }
    (cues, bad)
}

/// `01:02:03.004`, `02:03.004`, or with a comma, in seconds.
fn time(text: &str) -> Option<u64> {
    let text = text.trim();
    let whole = text.split(['.', ',']).next()?;
    let parts: Vec<u64> = whole.split(':').map(|part| part.trim().parse().ok()).collect::<Option<_>>()?;
    // A recording of a year is none.
    const SECONDS_MAX: u64 = 365 * 86_400;
    let seconds = match parts[..] {
        [hours, minutes, seconds] => {
            hours.checked_mul(3600)?.checked_add(minutes.checked_mul(60)?)?.checked_add(seconds)?
        }
        [minutes, seconds] => minutes.checked_mul(60)?.checked_add(seconds)?,
        _ => return None,
    };
    (seconds <= SECONDS_MAX).then_some(seconds)
}

/// A line without its tags, and who says it: `<v Name>`, `<i>`, `{\an8}`, `<00:00:01.000>`.
fn plain(line: &str) -> (Option<String>, String) {
    // Longer is no tag, and where all are without end each would be looked for in all that follows.
    const TAG_BYTES_MAX: usize = 200;
    let (mut speaker, mut out, mut rest) = (None, String::new(), line);
    while let Some(at) = rest.find(['<', '{', '&']) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let near = &rest[..rest.floor_char_boundary(TAG_BYTES_MAX)];
        let end = match rest.as_bytes().first() {
            Some(b'<') if rest[1..].starts_with(|c: char| c.is_ascii_alphanumeric() || c == '/') => near.find('>'),
            Some(b'{') if rest.starts_with("{\\") => near.find('}'),
            Some(b'&') => near.find(';').filter(|end| *end < 10),
            _ => None,
        };
        let Some(end) = end else {
            let c = rest.chars().next().unwrap_or_default();
            out.push(c);
            rest = &rest[c.len_utf8()..];
            continue;
        };
        let tag = &rest[1..end];
        if rest.starts_with('&') {
            out.push_str(match tag {
                "amp" => "&",
                "lt" => "<",
                "gt" => ">",
                "nbsp" => " ",
                "lrm" | "rlm" => "",
                _ => &rest[..=end],
            });
        } else if let Some(name) = tag.strip_prefix('v').filter(|name| name.starts_with([' ', '\t', '.'])) {
            // `v.loud Name` has classes before the name.
            speaker = name.split_once([' ', '\t']).and_then(|(_, name)| property(name)).or(speaker);
        }
        rest = &rest[end + 1..];
    }
    out.push_str(rest);
    (speaker, out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use morag_conversion::formats;
    use proptest::prelude::*;

    #[test]
    fn web_vtt_with_speakers_notes_and_tags() {
        let source = "WEBVTT - A *talk*\n\nNOTE this is\nno text\n\nSTYLE\n::cue {}\n\nintro\n00:01:05.500 --> 00:01:07.000 align:left\n<v.loud Jo Smith>Hello <i>there</i> &amp;\nall</v>\n\n\
                      01:05:00.000 --> 01:05:01.000\n<v Al>Yes\n<v Jo>No\n\n02:00:00.000 --> 02:00:01.000\n1 < 2 {x} &unknown;\n";
        let converted = convert(source.as_bytes(), &formats::VTT).unwrap();
        assert_eq!(
            converted.markdown,
            "[00:01:05] Jo Smith: Hello there & all\n\n[01:05:00] Al: Yes\n\n[01:05:00] Jo: No\n\n[02:00:00] 1 < 2 {x} \\&unknown;\n"
        );
        assert_eq!(converted.properties.title.as_deref(), Some("A *talk*"));
        assert!(is_vtt(source.as_bytes()) && !is_vtt(b"WEBVTTX"));
    }

    #[test]
    fn sub_rip_with_damage_and_lines_that_roll() {
        let source = "1\r\n00:00:01,000 --> 00:00:02,000\r\n{\\an8}<b>one</b>\r\ntwo\r\n\r\n2\r\n00:00:02,000 --> 00:00:03,000\r\ntwo\r\nthree\r\n\r\n3\r\nxx --> yy\r\nlost\r\n";
        let converted = convert(source.as_bytes(), &formats::SRT).unwrap();
        assert_eq!(converted.markdown, "[00:00:01] one two\n\n[00:00:02] three\n");
        assert_eq!(converted.warnings.len(), 1);
    }

    #[test]
    fn texts_without_times_are_damaged() {
        assert_eq!(convert(b"just text", &formats::SRT).unwrap_err().code, "CORRUPT_DOCUMENT");
        assert_eq!(convert(b"00:01.0 --> 00:02.0\n\n", &formats::VTT).unwrap_err().code, "EMPTY_DOCUMENT");
        assert_eq!(
            (time("99999999999999999999:00"), time("18446744073709551615:59:00"), time("1")),
            (None, None, None)
        );
    }

    proptest! {
        #[test]
        fn any_lines_are_some_subtitles(lines in proptest::collection::vec(prop::sample::select(vec![
            "00:01.000 --> 00:02.000", "1", "", "<v Jo>é", "<", "{\\", "&x", "NOTE", "text", "99:99 --> ", "-->", "<v ", "WEBVTT",
        ]), 0..30)) {
            let converted = convert(lines.join("\n").as_bytes(), &formats::VTT);
            let allowed = ["EMPTY_DOCUMENT", "CORRUPT_DOCUMENT"];
            prop_assert!(converted.map_or_else(|failure| allowed.contains(&failure.code.as_str()), |done| done.markdown.ends_with('\n')));
        }
    }
}
