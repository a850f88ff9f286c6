//! The program's table of words: tab separated, with the columns level, page, block, paragraph, line, word, left, top, width, height,
//! confidence (0 to 100) and text.

use morag_core::ports::{Corner, Reading, TextLine};

/// The level of rows with a word.
const WORD: &str = "5";
/// Lines at most, as of the model.
const LINES_MAX: usize = 2_000;
/// What a word says is dropped below this confidence: it is a guess, as in the lines of the model.
const CONFIDENCE_MIN: f32 = 0.5;

struct Word<'a> {
    /// Page, block, paragraph and line.
    line: [&'a str; 4],
    left: f32,
    top: f32,
    right: f32,
    bottom: f32,
    confidence: f32,
    text: &'a str,
}

/// The lines of the table; rows that make no sense are left out.
pub(super) fn reading(table: &[u8]) -> Reading {
    let table = String::from_utf8_lossy(table);
    let words: Vec<_> = table.lines().filter_map(word).collect();
    let mut lines: Vec<_> = words.chunk_by(|a, b| a.line == b.line).map(line).collect();
    let truncated = lines.len() > LINES_MAX;
    lines.truncate(LINES_MAX);
    Reading { lines, turned: 0, truncated }
}

fn word(row: &str) -> Option<Word<'_>> {
    let columns: Vec<_> = row.splitn(12, '\t').collect();
    let [WORD, page, block, paragraph, line, _, left, top, width, height, confidence, text] = columns[..] else {
        return None;
    };
    let number = |text: &str| text.parse::<f32>().ok().filter(|number| number.is_finite());
    let (left, top) = (number(left)?, number(top)?);
    let text = text.trim();
    let confidence = (number(confidence)? / 100.0).clamp(0.0, 1.0);
    (!text.is_empty() && confidence >= CONFIDENCE_MIN).then_some(())?;
    Some(Word {
        line: [page, block, paragraph, line],
        left,
        top,
        right: left + number(width)?,
        bottom: top + number(height)?,
        confidence,
        text,
    })
}

fn line(words: &[Word<'_>]) -> TextLine {
    let least = |of: fn(&Word<'_>) -> f32| words.iter().map(of).fold(f32::MAX, f32::min);
    let most = |of: fn(&Word<'_>) -> f32| words.iter().map(of).fold(0.0, f32::max);
    let (left, top) = (least(|word| word.left), least(|word| word.top));
    let (right, bottom) = (most(|word| word.right), most(|word| word.bottom));
    let characters: usize = words.iter().map(|word| word.text.chars().count()).sum();
    // Without the gaps between words: in a row of a table they are most of it.
    let inked: f32 = words.iter().map(|word| (word.right - word.left).max(0.0)).sum();
    let mut text = String::new();
    for word in words {
        // Chinese and Japanese have no spaces, but the program tells their characters one by one.
        let is_wide = |character: Option<char>| character.is_some_and(|character| character >= '\u{2e80}');
        let is_glued = is_wide(text.chars().next_back()) && is_wide(word.text.chars().next());
        if !text.is_empty() && !is_glued {
            text.push(' ');
        }
        text.push_str(word.text);
    }
    let corner = |x, y| Corner { x, y };
    TextLine {
        text,
        confidence: words.iter().map(|word| word.confidence).sum::<f32>() / words.len().max(1) as f32,
        density: characters as f32 * (bottom - top) / inked.max(1.0),
        corners: [corner(left, top), corner(right, top), corner(right, bottom), corner(left, bottom)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str =
        "level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext\n";

    fn lines(rows: &str) -> Vec<(String, f32, Corner, Corner)> {
        let reading = reading(format!("{HEAD}{rows}").as_bytes());
        reading.lines.into_iter().map(|line| (line.text, line.confidence, line.corners[0], line.corners[2])).collect()
    }

    #[test]
    fn words_of_a_line_are_joined() {
        let rows = "4\t1\t1\t1\t1\t0\t10\t10\t90\t12\t-1\t\n5\t1\t1\t1\t1\t1\t10\t12\t40\t10\t90\tGood\n\
                    5\t1\t1\t1\t1\t2\t60\t10\t40\t11\t80\tday\n5\t1\t1\t1\t2\t1\t10\t30\t10\t10\t70\t日\n\
                    5\t1\t1\t1\t2\t2\t20\t30\t10\t10\t70\t本\n";
        let corner = |x, y| Corner { x, y };
        assert_eq!(
            lines(rows),
            [
                ("Good day".to_owned(), 0.85, corner(10.0, 10.0), corner(100.0, 22.0)),
                ("日本".to_owned(), 0.7, corner(10.0, 30.0), corner(30.0, 40.0)),
            ]
        );
    }

    #[test]
    fn gaps_between_columns_do_not_make_a_line_thin() {
        let rows = "5\t1\t1\t1\t1\t1\t10\t10\t40\t20\t95\tTea\n5\t1\t1\t1\t1\t2\t900\t10\t50\t20\t95\t2.50\n";
        let reading = reading(format!("{HEAD}{rows}").as_bytes());
        // Seven characters on 90 pixels, in lines of 20.
        assert!((reading.lines[0].density - 7.0 * 20.0 / 90.0).abs() < 1e-3, "{reading:?}");
    }

    #[test]
    fn guesses_are_left_out() {
        assert_eq!(lines("5\t1\t1\t1\t1\t1\t1\t1\t1\t1\t49\tx\n"), []);
    }

    #[test]
    fn rows_without_sense_are_left_out() {
        let rows = "5\t1\t1\n\n5\t1\t1\t1\t1\t1\tx\t12\t40\t10\t90\tno\n5\t1\t1\t1\t1\t1\t1\t1\t1\t1\tNaN\tno\n\
                    5\t1\t1\t1\t1\t1\t1\t1\t1\t1\t95\t \n";
        assert_eq!(lines(rows), []);
        assert_eq!(reading(&[0xff, b'\t', 0xfe]), Reading::default());
    }

    #[test]
    fn there_are_no_more_lines_than_may_be() {
        let row = |line: usize| format!("5\t1\t1\t1\t{line}\t1\t1\t1\t1\t1\t95\tx\n");
        let table = |count: usize| reading((0..count).map(row).collect::<String>().as_bytes());
        assert_eq!((table(LINES_MAX).lines.len(), table(LINES_MAX).truncated), (LINES_MAX, false));
        assert_eq!((table(LINES_MAX + 1).lines.len(), table(LINES_MAX + 1).truncated), (LINES_MAX, true));
    }
}
