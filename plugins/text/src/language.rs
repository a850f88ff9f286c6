//! The language of a text, as ISO 639-1.
//!
//! One rule for all steps: a language is named where passages of at least `LETTERS_MIN` letters vote for it, each with its length
//! and how sure the statistics are, and it has more than `SHARE_MIN` of the votes. Shorter passages are names and numbers, which
//! look like any language; a document that has nothing else gets a language only where the statistics call all of them together
//! reliable.

use crate::passages::{Kind, Passage};
use whatlang::{Lang, detect as detect_text};

/// Characters that are looked at, spread over the text: enough for any language, and a bound on time.
const SAMPLE_CHARS: usize = 20_000;
/// Letters of a passage that may vote.
const LETTERS_MIN: usize = 40;
/// Share of the votes that the language must have.
const SHARE_MIN: f64 = 0.5;
/// Confidence below which a passage's vote is not counted.
const CONFIDENCE_MIN: f64 = 0.2;

/// A language tag (`en-GB`, `de`, `deu`) as ISO 639-1 in lower case; none for what is none.
pub fn iso_639_1(tag: &str) -> Option<String> {
    let main = tag.trim().split(['-', '_']).next()?.to_ascii_lowercase();
    match main.len() {
        2 if main.bytes().all(|b| b.is_ascii_lowercase()) && main != "xx" => Some(main),
        3 => three(&main).map(str::to_owned),
        _ => None,
    }
}

/// The language that most of the text is written in; none where the text says too little. Code does not vote, and rows of tables,
/// which are names more often than prose, count only in a document without a passage that may vote.
pub fn detect(passages: &[Passage]) -> Option<String> {
    let texts = |is_wanted: fn(Kind) -> bool| {
        sample(passages.iter().filter(|passage| is_wanted(passage.kind)).map(|passage| prose(&passage.text)).collect())
    };
    let paragraphs = texts(|kind| !matches!(kind, Kind::Code | Kind::Row));
    let mut votes: Vec<(Lang, f64)> = Vec::new();
    let mut total = 0.0;
    let mut vote = |text: &str, votes: &mut Vec<(Lang, f64)>| {
        let Some(info) = detect_text(text).filter(|info| info.confidence() >= CONFIDENCE_MIN) else { return };
        let lang = by_script(text).unwrap_or(info.lang());
        let weight = text.chars().count() as f64 * info.confidence();
        total += weight;
        match votes.iter_mut().find(|(known, _)| *known == lang) {
            Some((_, sum)) => *sum += weight,
            None => votes.push((lang, weight)),
        }
    };
    for paragraph in paragraphs.iter().filter(|text| weighty(text)) {
        vote(paragraph, &mut votes);
    }
    if votes.is_empty() {
        return short_pieces(&[paragraphs, texts(|kind| kind == Kind::Row)].concat().join(" "));
    }
    let (lang, sum) = votes.into_iter().max_by(|(_, a), (_, b)| a.total_cmp(b))?;
    (sum > total * SHARE_MIN).then(|| three(lang.code()).map(str::to_owned)).flatten()
}

/// The language of short passages together, where the statistics are sure. Names in Chinese characters may be Japanese just as well.
fn short_pieces(all: &str) -> Option<String> {
    let info = detect_text(all).filter(|info| weighty(all) && info.is_reliable())?;
    let lang = by_script(all).unwrap_or(info.lang());
    (lang != Lang::Cmn).then(|| three(lang.code()).map(str::to_owned)).flatten()
}

/// Whether a text is long enough to vote; a letter of a script without spaces between words counts as three.
fn weighty(text: &str) -> bool {
    let letters: usize = text.chars().map(|c| if dense(c) { 3 } else { usize::from(c.is_alphabetic()) }).sum();
    letters >= LETTERS_MIN
}

fn dense(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}' | '\u{0e00}'..='\u{0e7f}')
}

/// Kana make a text Japanese and Hangul makes it Korean, whatever Latin names it contains: those mislead the statistics.
fn by_script(text: &str) -> Option<Lang> {
    let count = |test: fn(&char) -> bool| text.chars().filter(test).count();
    let kana = count(|c| matches!(c, '\u{3040}'..='\u{30ff}'));
    let hangul = count(|c| matches!(c, '\u{ac00}'..='\u{d7af}'));
    let han = count(|c| matches!(c, '\u{3400}'..='\u{9fff}'));
    let latin = count(char::is_ascii_alphabetic);
    // A dense letter is worth three; a tenth of them is what loan words reach in Chinese.
    match () {
        () if kana * 10 > han && (kana + han) * 3 > latin => Some(Lang::Jpn),
        () if hangul * 3 > latin && hangul > han => Some(Lang::Kor),
        () if han * 3 > latin => Some(Lang::Cmn),
        () => None,
    }
}

/// A text without addresses.
fn prose(text: &str) -> String {
    let words = text.split_whitespace().filter(|word| !word.contains("://") && !word.contains('@'));
    words.collect::<Vec<_>>().join(" ")
}

/// Every n-th text, so that the whole document is represented within [`SAMPLE_CHARS`].
fn sample(paragraphs: Vec<String>) -> Vec<String> {
    let total: usize = paragraphs.iter().map(|text| text.chars().count()).sum();
    let step = total.div_ceil(SAMPLE_CHARS).max(1);
    let mut left = SAMPLE_CHARS;
    let mut kept = Vec::new();
    for text in paragraphs.into_iter().step_by(step) {
        let text: String = text.chars().take(left).collect();
        left -= text.chars().count();
        kept.push(text);
    }
    kept
}

/// ISO 639-1 for ISO 639-3 and the bibliographic codes of 639-2, of the languages that are detected.
fn three(code: &str) -> Option<&'static str> {
    const CODES: [(&str, &str); 88] = [
        ("afr", "af"),
        ("aka", "ak"),
        ("amh", "am"),
        ("ara", "ar"),
        ("aze", "az"),
        ("bel", "be"),
        ("ben", "bn"),
        ("bul", "bg"),
        ("cat", "ca"),
        ("ces", "cs"),
        ("cze", "cs"),
        ("cmn", "zh"),
        ("chi", "zh"),
        ("zho", "zh"),
        ("cym", "cy"),
        ("wel", "cy"),
        ("dan", "da"),
        ("deu", "de"),
        ("ger", "de"),
        ("ell", "el"),
        ("gre", "el"),
        ("eng", "en"),
        ("epo", "eo"),
        ("est", "et"),
        ("fas", "fa"),
        ("per", "fa"),
        ("pes", "fa"),
        ("fin", "fi"),
        ("fra", "fr"),
        ("fre", "fr"),
        ("guj", "gu"),
        ("heb", "he"),
        ("hin", "hi"),
        ("hrv", "hr"),
        ("hun", "hu"),
        ("hye", "hy"),
        ("arm", "hy"),
        ("ind", "id"),
        ("ita", "it"),
        ("jav", "jv"),
        ("jpn", "ja"),
        ("kan", "kn"),
        ("kat", "ka"),
        ("geo", "ka"),
        ("khm", "km"),
        ("kor", "ko"),
        ("lat", "la"),
        ("lav", "lv"),
        ("lit", "lt"),
        ("mal", "ml"),
        ("mar", "mr"),
        ("mkd", "mk"),
        ("mac", "mk"),
        ("mya", "my"),
        ("bur", "my"),
        ("nep", "ne"),
        ("nld", "nl"),
        ("dut", "nl"),
        ("nob", "nb"),
        ("nor", "no"),
        ("nno", "nn"),
        ("ori", "or"),
        ("pan", "pa"),
        ("pol", "pl"),
        ("por", "pt"),
        ("ron", "ro"),
        ("rum", "ro"),
        ("rus", "ru"),
        ("sin", "si"),
        ("slk", "sk"),
        ("slo", "sk"),
        ("slv", "sl"),
        ("sna", "sn"),
        ("spa", "es"),
        ("srp", "sr"),
        ("swe", "sv"),
        ("tam", "ta"),
        ("tel", "te"),
        ("tgl", "tl"),
        ("tha", "th"),
        ("tuk", "tk"),
        ("tur", "tr"),
        ("ukr", "uk"),
        ("urd", "ur"),
        ("uzb", "uz"),
        ("vie", "vi"),
        ("yid", "yi"),
        ("zul", "zu"),
    ];
    CODES.iter().find(|(three, _)| *three == code).map(|(_, two)| *two)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::passages::passages;
    use proptest::prelude::*;

    /// The language of a markdown text.
    fn detect(markdown: &str) -> Option<String> {
        super::detect(&passages(markdown))
    }

    #[test]
    fn tags() {
        assert_eq!(iso_639_1("en-GB").as_deref(), Some("en"));
        assert_eq!(iso_639_1("DE_de").as_deref(), Some("de"));
        assert_eq!(iso_639_1("deu").as_deref(), Some("de"));
        assert_eq!(iso_639_1(" DE-at ").as_deref(), Some("de"));
        for none in ["", "x", "german", "english", "12", "zzz", "xx"] {
            assert_eq!(iso_639_1(none), None, "{none}");
        }
    }

    #[test]
    fn every_language_that_is_detected_has_a_code() {
        for lang in Lang::all() {
            assert!(three(lang.code()).is_some(), "{}", lang.code());
        }
    }

    #[test]
    fn languages() {
        for (language, text) in [
            ("en", "The committee met on Tuesday and decided that the new building would be opened in the spring."),
            ("de", "Der Ausschuss tagte am Dienstag und beschloss, dass das neue Gebäude im Frühjahr eröffnet wird."),
            ("fr", "Le comité s'est réuni mardi et a décidé que le nouveau bâtiment serait ouvert au printemps."),
            ("es", "El comité se reunió el martes y decidió que el nuevo edificio se abriría en la primavera."),
            ("ru", "Комитет собрался во вторник и решил, что новое здание будет открыто весной этого года."),
            (
                "ja",
                "委員会は火曜日に集まり、新しい建物を春に開くことを決めました。API と HTTP Server Configuration も使います。",
            ),
            ("ja", "このドキュメントでは Rust と WebAssembly を使ってコンポーネントを作る方法を説明します。"),
            ("zh", "委员会于星期二召开会议，决定新建筑将于春季开放，并邀请所有市民参加开幕仪式。"),
            ("zh", "市议会决定新桥将于明年春天开放通车。这座桥连接城市的两个部分。"),
            ("ko", "시의회는 내년 봄에 새 다리를 개통하기로 결정했다."),
        ] {
            assert_eq!(detect(text).as_deref(), Some(language), "{text}");
        }
    }

    #[test]
    fn a_language_needs_enough_letters_in_one_passage() {
        let text = "Der Ausschuss tagte am Dienstag und beschloss den Bau des Hauses";
        let first = |letters: usize| {
            let ends = text.char_indices().filter(|(_, c)| c.is_alphabetic()).nth(letters).map(|(at, _)| at).unwrap();
            detect(&text[..ends])
        };
        assert_eq!((first(39), first(40).as_deref()), (None, Some("de")));
    }

    #[test]
    fn without_a_majority_there_is_no_language() {
        let texts = [
            "The committee met on Tuesday and decided that the new building would be opened in the spring.\n\n",
            "Der Ausschuss tagte am Dienstag und beschloss, dass das neue Gebäude im Frühjahr eröffnet wird.\n\n",
            "Le comité s'est réuni mardi et a décidé que le nouveau bâtiment serait ouvert au printemps.\n\n",
        ];
        assert_eq!(detect(&texts.concat()), None);
        assert_eq!(detect(&format!("{}{}", texts.concat(), texts[1].repeat(2))).as_deref(), Some("de"));
    }

    #[test]
    fn a_quotation_does_not_decide() {
        let english =
            "This chapter explains how the committee came to its conclusions about the river and the bridge.\n\n";
        let german = "> Der Ausschuss kam zu dem Schluss, dass die Brücke erneuert werden muss.\n\n";
        assert_eq!(detect(&format!("{german}{}", english.repeat(3))).as_deref(), Some("en"));
    }

    #[test]
    fn code_and_addresses_do_not_vote() {
        let code = "fn main() { println!(\"the of and to in is that it was for\"); }\n".repeat(30);
        let markdown =
            format!("Dieser Abschnitt erklärt, wie man das Programm benutzt und was es dabei tut.\n\n```\n{code}```\n");
        assert_eq!(detect(&markdown).as_deref(), Some("de"));
    }

    #[test]
    fn too_little_is_no_language() {
        let words = "abc\n\nabc123 def\n\nfoo bar\n\nabcd1234 xyz\n";
        for text in ["", "42", "42\n\n7 %\n", words, "Acme Corp", "# Invoice\n\n| 1 | 2 |\n| - | - |\n| 3 | 4 |\n"] {
            assert_eq!(detect(text), None, "{text}");
        }
    }

    #[test]
    fn tables_of_names_are_no_language() {
        let table = "| Name | City |\n| --- | --- |\n| 佐藤太郎 | 東京 |\n| 三木英子 | 大阪 |\n| 髙橋淳 | 名古屋 |\n";
        assert_eq!(detect(table), None);
        let names = "| First | Last |\n| --- | --- |\n| Sheryl | Baxter |\n| Preston | Lozano |\n| Roy | Berry |\n| Linda | Olsen |\n";
        assert_eq!(detect(names), None);
    }

    #[test]
    fn a_long_text_is_looked_at_throughout() {
        let short = "This is an English preface to a German book.\n\n";
        let long =
            "Der Ausschuss tagte am Dienstag und beschloss, dass das neue Gebäude eröffnet wird.\n\n".repeat(2_000);
        assert_eq!(detect(&format!("{}{long}", short.repeat(300))).as_deref(), Some("de"));
    }

    proptest! {
        #[test]
        fn never_panics(text in "(\\PC|\n){0,200}", tag in "\\PC{0,8}") {
            let _ = (detect(&text), iso_639_1(&tag));
        }
    }
}
