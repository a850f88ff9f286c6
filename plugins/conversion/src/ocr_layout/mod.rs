//! Lines that were read in a picture, as markdown in reading order.
//!
//! [`columns`] says which lines belong together and in which order, [`paragraphs`] joins them.

mod columns;
mod line;
mod paragraphs;

use line::Line;
use morag_step::{Corner, Reading, TextLine};
use paragraphs::{HEADING_CHARS_MAX, OTHER_SIZE};

/// A line of less density is of a script that the model does not know (`wit/ocr.wit`).
const DENSITY_MIN: f32 = 0.5;

/// What a picture says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PictureText {
    /// As markdown; empty where nothing was read.
    pub markdown: String,
    /// Lines that it is made of.
    pub lines: usize,
    /// Lines that are left out: they are of a script that the model does not know.
    pub unknown_lines: usize,
}

/// Puts the lines of a picture of these sides into reading order: columns from left to right, paragraphs from top to bottom. Lines are
/// joined to paragraphs, words that were divided at the end of a line too; lines that are clearly larger than the others are headings.
pub fn picture_text(reading: &Reading, width: u32, height: u32) -> PictureText {
    let known = |line: &&TextLine| line.density >= DENSITY_MIN || line.text.trim().is_empty();
    let unknown_lines = reading.lines.iter().filter(|line| !known(line)).count();
    let upright = |line: &TextLine| upright(line, reading.turned, width as f32, height as f32);
    let lines: Vec<Line> = reading.lines.iter().filter(known).filter_map(upright).collect();
    let (body, count) = (body_height(&lines), lines.len());
    let blocks = columns::in_order(lines, body);
    PictureText { markdown: paragraphs::markdown(&blocks, body), lines: count, unknown_lines }
}

/// A line in the picture as it is turned to be upright; none for one without text.
fn upright(line: &TextLine, turned: u32, width: f32, height: f32) -> Option<Line> {
    let text = line.text.split_whitespace().collect::<Vec<_>>().join(" ");
    let longest = width.max(height).max(1.0);
    // What is no number, or far outside, is at the edge.
    let within = |value: f32| if value.is_nan() { 0.0 } else { value.clamp(-longest, 2.0 * longest) };
    let corners = line.corners.map(|corner| {
        let (x, y) = (within(corner.x), within(corner.y));
        match turned {
            90 => Corner { x: height - y, y: x },
            180 => Corner { x: width - x, y: height - y },
            270 => Corner { x: y, y: width - x },
            _ => Corner { x, y },
        }
    });
    let [upper_left, upper_right, lower_right, lower_left] = corners;
    let distance = |a: Corner, b: Corner| (a.x - b.x).hypot(a.y - b.y);
    let height = f32::midpoint(distance(upper_left, lower_left), distance(upper_right, lower_right)).max(1.0);
    let xs = corners.map(|corner| corner.x);
    let left = xs.into_iter().fold(f32::INFINITY, f32::min);
    let right = xs.into_iter().fold(f32::NEG_INFINITY, f32::max);
    let middle = corners.iter().map(|corner| corner.y).sum::<f32>() / 4.0;
    (!text.is_empty()).then_some(Line { text, left, right, middle, height })
}

/// The height of most characters: that of the text, not of its headings. Where little is written, a heading can have most of the characters:
/// what is larger than most lines, and no longer than a heading, does not count.
fn body_height(lines: &[Line]) -> f32 {
    let mut heights: Vec<_> = lines.iter().map(|line| (line.height, line.text.chars().count())).collect();
    heights.sort_by(|a, b| a.0.total_cmp(&b.0));
    let of_most_lines = heights.get(heights.len().saturating_sub(1) / 2).map_or(1.0, |(height, _)| *height);
    let is_large = |height: f32| height >= OTHER_SIZE * of_most_lines;
    let large_chars: usize = heights.iter().filter(|(height, _)| is_large(*height)).map(|(_, count)| count).sum();
    if large_chars <= HEADING_CHARS_MAX {
        heights.retain(|(height, _)| !is_large(*height));
    }
    let half = heights.iter().map(|(_, count)| count).sum::<usize>() / 2;
    let mut seen = 0;
    let median = heights.iter().find(|(_, count)| {
        seen += count;
        seen > half
    });
    median.map_or(1.0, |(height, _)| *height)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A line with its upper left corner and its height; a character is half as wide as high.
    fn line(left: f32, top: f32, height: f32, text: &str) -> TextLine {
        let right = left + text.chars().count() as f32 * height / 2.0;
        let corners = [(left, top), (right, top), (right, top + height), (left, top + height)];
        let corners = corners.map(|(x, y)| Corner { x, y });
        TextLine { text: text.into(), confidence: 1.0, density: 2.0, corners }
    }

    fn text(lines: Vec<TextLine>) -> String {
        picture_text(&Reading { lines, turned: 0, truncated: false }, 1000, 1000).markdown
    }

    #[test]
    fn lines_are_joined_until_a_gap_and_divided_words_with_them() {
        let lines = vec![
            line(10.0, 100.0, 20.0, "A paragraph of some lines whose last word is di-"),
            line(10.0, 126.0, 20.0, "vided, and which goes on for as long as a line is"),
            line(10.0, 152.0, 20.0, "wide."),
            line(10.0, 210.0, 20.0, "# Another one, after a gap."),
        ];
        let joined =
            "A paragraph of some lines whose last word is divided, and which goes on for as long as a line is wide.";
        assert_eq!(text(lines), format!("{joined}\n\n\\# Another one, after a gap.\n"));
    }

    #[test]
    fn columns_are_read_one_after_the_other_below_what_is_above_both() {
        let mut lines = vec![line(10.0, 10.0, 40.0, "The headline over both columns")];
        for row in 0..6 {
            let top = 100.0 + row as f32 * 26.0;
            lines.push(line(10.0, top, 20.0, &format!("left column line number {row} is here")));
            lines.push(line(420.0, top + 3.0, 20.0, &format!("right column line number {row} is")));
        }
        lines.push(line(
            10.0,
            300.0,
            20.0,
            "A line below that is as wide as both of the columns together, so it ends them.",
        ));
        let text = text(lines);
        let parts: Vec<_> = text.split("\n\n").collect();
        assert_eq!(parts[0], "# The headline over both columns");
        assert!(parts[1].starts_with("left column line number 0") && parts[1].ends_with("number 5 is here"), "{text}");
        assert!(parts[2].starts_with("right column line number 0") && parts[2].ends_with("number 5 is"), "{text}");
        assert!(parts[3].starts_with("A line below"), "{text}");
    }

    #[test]
    fn a_receipt_is_read_row_by_row() {
        let lines = vec![
            line(10.0, 10.0, 20.0, "Tea"),
            line(500.0, 12.0, 20.0, "2.50"),
            line(10.0, 40.0, 20.0, "Chocolate cake"),
            line(500.0, 41.0, 20.0, "4.00"),
            line(10.0, 70.0, 20.0, "Total"),
            line(500.0, 69.0, 20.0, "6.50"),
        ];
        assert_eq!(text(lines), "Tea 2.50\nChocolate cake 4.00\nTotal 6.50\n");
    }

    #[test]
    fn only_what_is_clearly_larger_is_a_heading() {
        let body = |top: f32| line(10.0, top, 20.0, "Text of the page, in lines of twenty pixels each.");
        let lines = vec![
            line(10.0, 10.0, 44.0, "Title"),
            body(100.0),
            body(126.0),
            line(10.0, 190.0, 33.0, "Section"),
            body(240.0),
            line(10.0, 300.0, 25.0, "A little larger"),
            body(360.0),
        ];
        let text = text(lines);
        assert!(text.starts_with("# Title\n\nText") && text.contains("\n\n## Section\n\nText"), "{text}");
        assert!(text.contains("\n\nA little larger\n\n"), "{text}");
    }

    /// Of the same sides, with titles of few letters and of many.
    #[test]
    fn a_title_is_a_heading_also_where_it_has_most_of_the_letters() {
        for title in ["Report", "Prüfbericht Hafen"] {
            let lines = vec![
                line(10.0, 10.0, 80.0, title),
                line(10.0, 150.0, 46.0, "Kran 3"),
                line(10.0, 250.0, 46.0, "in Ordnung"),
            ];
            assert_eq!(text(lines), format!("## {title}\n\nKran 3\n\nin Ordnung\n"));
        }
        // Text with many small words beside it, as those of a drawing, is text.
        let mut lines: Vec<_> = (0..12).map(|row| line(600.0, row as f32 * 20.0, 10.0, "axis")).collect();
        lines.extend(
            (0..5).map(|row| line(10.0, row as f32 * 26.0, 20.0, "Text of the page, in lines of twenty pixels.")),
        );
        assert!(!text(lines).contains('#'));
    }

    #[test]
    fn a_picture_that_lies_on_its_side_is_read_upright() {
        // Upright it is 200 wide and 100 high; here it was turned counter-clockwise, so it must be turned clockwise by 90 degrees.
        let turned = |text: &str, top: f32| {
            let corners = [(10.0, top), (60.0, top), (60.0, top + 20.0), (10.0, top + 20.0)];
            let corners = corners.map(|(x, y)| Corner { x: y, y: 200.0 - x });
            TextLine { text: text.into(), confidence: 1.0, density: 2.0, corners }
        };
        for (degrees, expected) in [(90, "first\n\nsecond\n"), (270, "second\n\nfirst\n")] {
            let reading = Reading {
                lines: vec![turned("second", 70.0), turned("first", 10.0)],
                turned: degrees,
                truncated: false,
            };
            assert_eq!(picture_text(&reading, 100, 200).markdown, expected, "{degrees}");
        }
    }

    #[test]
    fn lines_of_an_unknown_script_are_left_out_and_counted() {
        let unknown = TextLine { density: 0.2, ..line(10.0, 50.0, 20.0, "xx") };
        let reading = Reading { lines: vec![line(10.0, 10.0, 20.0, "known"), unknown], turned: 0, truncated: false };
        let text = picture_text(&reading, 100, 100);
        assert_eq!(text, PictureText { markdown: "known\n".into(), lines: 1, unknown_lines: 1 });
    }

    #[test]
    fn chinese_lines_are_joined_without_a_space() {
        let lines = vec![line(10.0, 10.0, 20.0, "今天天气很"), line(10.0, 36.0, 20.0, "好。")];
        assert_eq!(text(lines), "今天天气很好。\n");
    }

    proptest! {
        #[test]
        fn any_boxes_are_read_and_no_text_is_lost(
            boxes in proptest::collection::vec((any::<[f32; 8]>(), "[a-z]{1,6}"), 0..30),
            near in proptest::collection::vec((0u8..200, 0u8..200, 1u8..40, "[a-z]{1,20}"), 0..60),
            turned in prop::sample::select(vec![0, 90, 180, 270, 7]),
        ) {
            let mut lines: Vec<_> = boxes
                .into_iter()
                .map(|(numbers, text)| {
                    let corner = |at: usize| Corner { x: numbers[at], y: numbers[at + 1] };
                    TextLine { text, confidence: 1.0, density: 1.0, corners: [corner(0), corner(2), corner(4), corner(6)] }
                })
                .collect();
            lines.extend(near.into_iter().map(|(x, y, height, text)| line(x.into(), y.into(), height.into(), &text)));
            let letters = |text: &str| text.chars().filter(|c| c.is_alphabetic()).count();
            let given: usize = lines.iter().map(|line| letters(&line.text)).sum();
            let read = picture_text(&Reading { lines, turned, truncated: false }, 200, 200);
            prop_assert_eq!(letters(&read.markdown), given);
        }
    }
}
