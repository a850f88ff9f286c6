//! What holds for every markdown and every plan.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use chunking::cut::Cut;
use chunking::cutter::cut;
use chunking::fixed::CHUNKS_MAX;
use chunking::options::{Plan, Strategy as How};
use chunking::structure::Structure;
use proptest::prelude::*;
use std::collections::HashSet;
use unicode_segmentation::UnicodeSegmentation;

fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => "[a-zA-Z]{1,9}",
        1 => "[äöüßéñ]{1,5}",
        1 => Just("👩‍👩‍👧‍👦".to_owned()),
        1 => Just("e\u{301}a\u{308}".to_owned()),
        1 => Just("🇩🇪🇫🇷🇪🇸".to_owned()),
        1 => "[日本語文字。]{1,8}",
        1 => Just("z.B.".to_owned()),
        1 => Just("\u{301}x".to_owned()),
        1 => "[a-z]{60,90}",
        1 => Just("*bold* `code`".to_owned()),
    ]
}

fn line(words: std::ops::Range<usize>) -> impl Strategy<Value = String> {
    prop::collection::vec((word(), prop_oneof![6 => Just(" "), 1 => Just(". "), 1 => Just("? ")]), words)
        .prop_map(|parts| parts.into_iter().map(|(word, gap)| word + gap).collect::<String>().trim_end().to_owned())
}

fn block() -> impl Strategy<Value = String> {
    prop_oneof![
        2 => (1..=6_usize, line(1..4)).prop_map(|(level, title)| format!("{} {title}", "#".repeat(level))),
        4 => line(1..40),
        2 => prop::collection::vec((0..3_usize, line(1..8)), 1..8).prop_map(|items| {
            items.into_iter().map(|(depth, text)| format!("{}- {text}", "  ".repeat(depth))).collect::<Vec<_>>().join("\n")
        }),
        1 => prop::collection::vec(line(1..4), 1..6).prop_map(|rows| {
            let rows: String = rows.into_iter().map(|row| format!("| {row} | x |\n")).collect();
            format!("| a | b |\n|---|---|\n{rows}")
        }),
        1 => prop::collection::vec(prop_oneof![line(0..5), Just(String::new()), Just("# no".to_owned())], 0..12)
            .prop_map(|lines| format!("```rust\n{}\n```", lines.join("\n"))),
        1 => line(1..9).prop_map(|text| format!("> {text}\n> - {text}")),
        1 => line(1..9).prop_map(|text| format!("- item\n\n  ```\n  {text}\n  ```\n\n  more {text}")),
        1 => line(1..4).prop_map(|text| format!("    {text}\n\n    {text}")),
        1 => Just("[ref]: https://example.org/x".to_owned()),
        1 => Just("\n \n".to_owned()),
        1 => "[ -~\n]{0,40}",
    ]
}

fn markdown() -> impl Strategy<Value = String> {
    (prop::collection::vec(block(), 0..14), any::<bool>())
        .prop_map(|(blocks, end)| blocks.join("\n\n") + if end { "\n" } else { "" })
}

fn plan() -> impl Strategy<Value = Plan> {
    (0..5_usize, 50..400_usize, 0..100_usize).prop_map(|(how, size, percent)| {
        let overlap = if percent < 50 { 0 } else { size * (percent - 50) / 51 };
        Plan { strategy: How::ALL[how], size, overlap, size_given: true }
    })
}

fn run(text: &str, plan: Plan, pages: &[usize]) -> (Vec<Cut>, Structure) {
    let mut structure = Structure::of(text);
    (cut(text, plan, &mut structure, pages).unwrap(), structure)
}

/// By the step's own view of what is whole; the properties on fences and rows below do not depend on it.
fn strictly_inside(structure: &Structure, at: usize) -> bool {
    structure.wholes.iter().any(|whole| whole.start < at && at < whole.end)
}

fn check(text: &str, plan: Plan, pages: &[usize]) -> Result<(), TestCaseError> {
    let (cuts, structure) = run(text, plan, pages);
    let graphemes: HashSet<usize> = text.grapheme_indices(true).map(|(at, _)| at).chain([text.len()]).collect();
    let mut covered = 0;
    for (at, cut) in cuts.iter().enumerate() {
        prop_assert!(cut.start <= cut.fresh && cut.fresh < cut.end, "{cut:?}");
        prop_assert!(graphemes.contains(&cut.start) && graphemes.contains(&cut.end), "grapheme split: {cut:?}");
        prop_assert!(!strictly_inside(&structure, cut.start), "start in a whole: {cut:?}");
        prop_assert!(!strictly_inside(&structure, cut.end), "end in a whole: {cut:?}");
        let chunk = &text[cut.start..cut.end];
        prop_assert!(!chunk.trim().is_empty());
        prop_assert!(plan.strategy == How::Fixed || !chunk.starts_with('\n'), "a blank line first: {chunk:?}");
        prop_assert!(text.get(covered..cut.fresh).is_some_and(|gap| gap.trim().is_empty()), "lost text before {cut:?}");
        covered = cut.end;
        let length = chunk.chars().count();
        if length > plan.size {
            let alone = structure.wholes.iter().any(|whole| {
                whole.start <= cut.fresh
                    && text[whole.start..cut.fresh].trim().is_empty()
                    && text[cut.fresh..cut.end].trim_end().len() + cut.fresh == text[..whole.end].trim_end().len()
            });
            prop_assert!(alone || chunk.trim().graphemes(true).count() == 1, "{length} > {}: {chunk:?}", plan.size);
        }
        if at > 0 {
            let before = &cuts[at - 1];
            prop_assert!(before.start < cut.start && before.end < cut.end, "not increasing: {before:?} {cut:?}");
            let repeated = text[cut.start..before.end.max(cut.start)].chars().count();
            prop_assert!(repeated <= plan.overlap, "repeats {repeated} > {}", plan.overlap);
        }
    }
    prop_assert!(text[covered..].trim().is_empty(), "lost text at the end");
    prop_assert_eq!(run(text, plan, pages).0, cuts);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn chunks_hold_the_whole_text_and_cut_nothing_that_is_whole(
        text in markdown(), plan in plan(), pages in prop::collection::vec(0..3000_usize, 0..4),
    ) {
        let mut pages = pages;
        pages.sort_unstable();
        check(&text, plan, &pages)?;
    }

    #[test]
    fn any_text_at_all_is_cut_safely(text in "\\PC{0,300}", plan in plan()) {
        check(&text, plan, &[])?;
    }

    #[test]
    fn lines_between_fences_share_a_chunk(before in line(1..30), code in prop::collection::vec("[a-z]{1,30}", 1..20), plan in plan()) {
        let fence = format!("~~~\n{}\n~~~", code.join("\n"));
        let text = format!("{before}\n\n{fence}\n\n{before}");
        let (cuts, _) = run(&text, plan, &[]);
        let at = text.find(&fence).unwrap();
        let holding = cuts.iter().filter(|cut| cut.fresh <= at && at + fence.len() <= cut.end).count();
        prop_assert_eq!(holding, 1, "{:?}", cuts);
    }

    #[test]
    fn a_tables_row_shares_a_chunk(before in line(1..30), rows in prop::collection::vec("[a-z]{1,20}", 1..20), plan in plan()) {
        let rows: Vec<String> = rows.into_iter().enumerate().map(|(at, cell)| format!("| {at} | {cell} {cell} |")).collect();
        let text = format!("{before}\n\n| a | b |\n|---|---|\n{}\n\n{before}", rows.join("\n"));
        let (cuts, _) = run(&text, plan, &[]);
        for part in rows.iter().map(String::as_str).chain(["| a | b |\n|---|---|"]) {
            let at = text.find(part).unwrap();
            let holding = cuts.iter().filter(|cut| cut.fresh <= at && at + part.len() <= cut.end).count();
            prop_assert_eq!(holding, 1, "{}: {:?}", part, cuts);
        }
    }

    #[test]
    fn fixed_windows_of_plain_text_are_exact(text in "[a-z]{0,900}", size in 50..200_usize, part in 0..99_usize) {
        let overlap = size * part / 100;
        let plan = Plan { strategy: How::Fixed, size, overlap, size_given: true };
        let (cuts, _) = run(&text, plan, &[]);
        for (at, cut) in cuts.iter().enumerate() {
            prop_assert_eq!(cut.start, at * (size - overlap));
            prop_assert_eq!(cut.end, (cut.start + size).min(text.len()));
        }
        prop_assert!(cuts.len() <= CHUNKS_MAX);
    }

    #[test]
    fn prose_repeats_nearly_the_overlap_asked(words in prop::collection::vec("[a-z]{1,8}", 100..400), overlap in 20..60_usize) {
        let text = words.join(" ");
        for strategy in [How::Semantic, How::Sentence, How::Paragraph] {
            let plan = Plan { strategy, size: 200, overlap, size_given: true };
            let (cuts, _) = run(&text, plan, &[]);
            for pair in cuts.windows(2) {
                let repeated = pair[0].end - pair[1].start;
                // A word of eight letters and the blanks beside it.
                prop_assert!(repeated + 11 > overlap, "{repeated} of {overlap}: {:?}", pair);
            }
        }
    }
}
