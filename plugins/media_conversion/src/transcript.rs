//! What was said, as paragraphs and as a page for each minute.

use morag_conversion::Options;
use morag_conversion::escape::push_paragraph;
use morag_step::Segment;

/// A page is a minute.
pub const PAGE_MS: u64 = 60_000;

/// Pages of a recording: a week of minutes. A service that says later times puts them on the last.
const PAGES_MAX: u64 = 7 * 24 * 60;

/// A pause after which a new paragraph begins.
const PAUSE_MS: u64 = 2_000;

/// Bytes after which a paragraph ends with its sentence: about a minute of speech.
const PARAGRAPH_BYTES: usize = 700;

/// Bytes after which a paragraph ends anyhow: some services write no full stops.
const PARAGRAPH_BYTES_MAX: usize = 1_500;

/// Number of the page of a time, from 1.
pub fn page_of(start_ms: u64) -> u32 {
    u32::try_from((start_ms / PAGE_MS).min(PAGES_MAX - 1)).map_or(1, |page| page + 1)
}

/// The text of each page from the first to the last with a segment, and empty texts where nothing was said. What the options do not
/// take is empty, or left out at the end.
pub fn pages(mut segments: Vec<Segment>, options: &Options) -> Vec<String> {
    segments.retain(|segment| !segment.text.trim().is_empty() && options.takes(page_of(segment.start_ms)));
    segments.sort_by_key(|segment| segment.start_ms);
    let count = segments.last().map_or(0, |last| page_of(last.start_ms)) as usize;
    let mut pages = vec![String::new(); count];
    let mut rest = segments.as_slice();
    while let Some(first) = rest.first() {
        let (paragraph, after) = rest.split_at(paragraph_len(rest));
        rest = after;
        let Some(page) = pages.get_mut(page_of(first.start_ms) as usize - 1) else { break };
        if !page.is_empty() {
            page.push_str("\n\n");
        }
        let mut line = format!("[{}]", clock(first.start_ms));
        for segment in paragraph {
            line.push(' ');
            line.push_str(&one_line(&segment.text));
        }
        push_paragraph(page, &line);
    }
    pages
}

/// Whether another speaker begins with it.
fn is_turn(segment: &Segment) -> bool {
    segment.text.starts_with('\n')
}

/// Segments of the paragraph that begins with the first of these; at least one.
fn paragraph_len(segments: &[Segment]) -> usize {
    let mut bytes = 0;
    let mut ends_at = 0;
    for (index, pair) in segments.windows(2).enumerate() {
        let [one, next] = pair else { break };
        bytes += one.text.len();
        ends_at = one.end_ms.max(ends_at);
        let is_sentence =
            one.text.trim_end().ends_with(['.', '!', '?', '…', '。', '！', '？', '؟', '।', '"', '”', '»']);
        if page_of(one.start_ms) != page_of(next.start_ms)
            || is_turn(next)
            || next.start_ms.saturating_sub(ends_at) >= PAUSE_MS
            || (bytes >= PARAGRAPH_BYTES && is_sentence)
            || bytes >= PARAGRAPH_BYTES_MAX
        {
            return index + 1;
        }
    }
    segments.len().max(1)
}

/// A text without times, as paragraphs: its lines.
pub fn untimed(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines().map(one_line).filter(|line| !line.is_empty()) {
        if !out.is_empty() {
            out.push_str("\n\n");
        }
        push_paragraph(&mut out, &line);
    }
    out
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A time as `00:01:05`.
pub fn clock(millis: u64) -> String {
    let seconds = millis / 1000;
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn segment(start_ms: u64, end_ms: u64, text: &str) -> Segment {
        Segment { start_ms, end_ms, text: text.into() }
    }

    #[test]
    fn segments_are_paragraphs_until_a_pause_or_the_next_minute() {
        let said = vec![
            segment(0, 900, " Hello."),
            segment(1_000, 2_000, " How are\nyou?"),
            segment(5_000, 6_000, "Fine, *thanks*."),
            segment(6_100, 59_900, "- Then"),
            segment(185_000, 186_000, "Good bye."),
        ];
        let pages = pages(said, &Options::default());
        assert_eq!(
            pages,
            ["[00:00:00] Hello. How are you?\n\n[00:00:05] Fine, \\*thanks\\*. - Then", "", "", "[00:03:05] Good bye."]
        );
    }

    #[test]
    fn each_speaker_has_paragraphs_of_their_own() {
        let said = vec![
            segment(0, 900, "\nJane: Hello."),
            segment(1_000, 1_500, " How are you?"),
            segment(1_500, 2_000, "\nJo *B*: Fine."),
        ];
        assert_eq!(
            pages(said, &Options::default()),
            ["[00:00:00] Jane: Hello. How are you?\n\n[00:00:01] Jo \\*B\\*: Fine."]
        );
    }

    #[test]
    fn a_long_speech_without_a_pause_is_cut_at_sentences() {
        let said = (0..40)
            .map(|n| segment(n * 1000, n * 1000 + 1000, &"word ".repeat(12).replace("word ", "words. ")))
            .collect();
        let pages = pages(said, &Options::default());
        assert!(pages[0].split("\n\n").all(|paragraph| paragraph.len() < PARAGRAPH_BYTES + 200), "{pages:?}");
        assert_eq!(pages[0].split("\n\n").count(), 5);
    }

    #[test]
    fn only_minutes_that_are_asked_for_are_there() {
        let said: Vec<_> = (0..5).map(|minute| segment(minute * PAGE_MS, minute * PAGE_MS + 10, "x")).collect();
        let range = Options { page_range: Some((2, 3)), ..Options::default() };
        assert_eq!(pages(said, &range), ["", "[00:01:00] x", "[00:02:00] x"]);
    }

    proptest! {
        #[test]
        fn any_times_are_some_pages(times in proptest::collection::vec((any::<u64>(), any::<u64>()), 0..20)) {
            let said = times.into_iter().map(|(start, end)| segment(start, end, "x")).collect::<Vec<_>>();
            let count = said.len();
            let pages = pages(said, &Options::default());
            prop_assert!(pages.len() as u64 <= PAGES_MAX);
            prop_assert_eq!(pages.concat().matches('x').count(), count);
        }
    }
}
