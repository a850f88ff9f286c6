//! The language of a document.

use crate::passages::{Kind, Passage};
use std::collections::BTreeMap;
use whatlang::Lang;

/// Passages that vote: a hundred, spread over the document, outvote any quotation, and cost a few milliseconds.
const VOTERS_MAX: usize = 100;

/// Characters of a passage that are looked at; trigram statistics hardly change after a few hundred.
const VOTE_CHARS: usize = 600;

/// Letters below which a text says too little to name its language.
const LETTERS_MIN: usize = 12;

/// Weight for each letter that the language with the most votes must have: what half-sure guesses that mostly agree bring.
const TRUST_MIN: f64 = 0.03;

/// Share of kana among letters from which a text is Japanese, whatever Latin names stand in it. Trigram statistics call
/// such a text English.
const KANA_SHARE: f64 = 0.1;

/// The caller's or the source's language as ISO 639-1, if it is one (`en`, `EN`, `de-AT`).
pub fn code(given: &str) -> Option<String> {
    let primary = given.trim().split(['-', '_']).next()?.to_ascii_lowercase();
    (primary.len() == 2 && primary.bytes().all(|byte| byte.is_ascii_lowercase())).then_some(primary)
}

/// The language most of the text is written in, as ISO 639-1; none where the text says too little.
///
/// Passages vote, each with its length and how sure the guess is, so that a quotation or a table in another language
/// does not decide.
pub fn detect(passages: &[Passage]) -> Option<String> {
    let prose: Vec<&str> = passages.iter().filter(|p| p.kind != Kind::Code).map(|p| p.text.as_str()).collect();
    let voters = spread(&prose);
    let (mut letters, mut kana) = (0_usize, 0_usize);
    let mut votes: BTreeMap<&'static str, f64> = BTreeMap::new();
    for text in &voters {
        letters += text.chars().filter(|c| c.is_alphabetic()).count();
        kana += text.chars().filter(|c| matches!(c, '\u{3041}'..='\u{30FF}')).count();
        vote(text, &mut votes);
    }
    if letters < LETTERS_MIN {
        return None;
    }
    if kana as f64 >= KANA_SHARE * letters as f64 {
        return Some("ja".into());
    }
    if voters.len() > 1 && letters < 3 * VOTE_CHARS {
        // Short lines are a weak vote each; together they are one more voter.
        vote(&voters.join("\n"), &mut votes);
    }
    let best = votes.into_iter().fold(None, |best: Option<(&str, f64)>, vote| match best {
        Some(best) if best.1 >= vote.1 => Some(best),
        _ => Some(vote),
    });
    best.filter(|(_, weight)| *weight >= TRUST_MIN * letters as f64).map(|(language, _)| language.to_owned())
}

fn spread<'a>(texts: &[&'a str]) -> Vec<&'a str> {
    let step = texts.len().div_ceil(VOTERS_MAX).max(1);
    texts.iter().step_by(step).map(|text| first_chars(text)).collect()
}

fn first_chars(text: &str) -> &str {
    text.char_indices().nth(VOTE_CHARS).map_or(text, |(end, _)| &text[..end])
}

fn vote(text: &str, votes: &mut BTreeMap<&'static str, f64>) {
    let Some(guess) = whatlang::detect(text) else { return };
    let Some(language) = iso_639_1(guess.lang()) else { return };
    // An unsure guess still counts a little: a document of headings has no other.
    let trust = if guess.is_reliable() { 1.0 } else { 0.1 };
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    *votes.entry(language).or_default() += letters as f64 * guess.confidence() * trust;
}

fn iso_639_1(lang: Lang) -> Option<&'static str> {
    // Pairs of the detector's ISO 639-3 and ISO 639-1; both Norwegian Bokmål and Chinese by their usual short code.
    const CODES: &[(&str, &str)] = &[
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
        ("cmn", "zh"),
        ("cym", "cy"),
        ("dan", "da"),
        ("deu", "de"),
        ("ell", "el"),
        ("eng", "en"),
        ("epo", "eo"),
        ("est", "et"),
        ("fin", "fi"),
        ("fra", "fr"),
        ("guj", "gu"),
        ("heb", "he"),
        ("hin", "hi"),
        ("hrv", "hr"),
        ("hun", "hu"),
        ("hye", "hy"),
        ("ind", "id"),
        ("ita", "it"),
        ("jav", "jv"),
        ("jpn", "ja"),
        ("kan", "kn"),
        ("kat", "ka"),
        ("khm", "km"),
        ("kor", "ko"),
        ("lat", "la"),
        ("lav", "lv"),
        ("lit", "lt"),
        ("mal", "ml"),
        ("mar", "mr"),
        ("mkd", "mk"),
        ("mya", "my"),
        ("nep", "ne"),
        ("nld", "nl"),
        ("nob", "nb"),
        ("ori", "or"),
        ("pan", "pa"),
        ("pes", "fa"),
        ("pol", "pl"),
        ("por", "pt"),
        ("ron", "ro"),
        ("rus", "ru"),
        ("sin", "si"),
        ("slk", "sk"),
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
    let code = lang.code();
    CODES.binary_search_by_key(&code, |pair| pair.0).ok().map(|at| CODES[at].1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(texts: &[&str]) -> Option<String> {
        let passages: Vec<Passage> =
            texts.iter().map(|text| Passage { kind: Kind::Prose, text: (*text).to_owned() }).collect();
        detect(&passages)
    }

    #[test]
    fn every_language_of_the_detector_has_a_short_code() {
        for lang in Lang::all() {
            assert_eq!(iso_639_1(*lang).map(str::len), Some(2), "{lang:?}");
        }
    }

    #[test]
    fn languages_are_told_apart() {
        for (language, text) in [
            ("en", "The council has decided that the new bridge will be opened to traffic in the spring of next year."),
            (
                "de",
                "Der Rat hat beschlossen, dass die neue Brücke im Frühjahr des nächsten Jahres eröffnet werden soll.",
            ),
            (
                "fr",
                "Le conseil a décidé que le nouveau pont sera ouvert à la circulation au printemps de l'année prochaine.",
            ),
            ("es", "El consejo ha decidido que el nuevo puente se abrirá al tráfico en la primavera del próximo año."),
            ("ru", "Совет решил, что новый мост будет открыт для движения весной следующего года."),
            ("zh", "市议会决定新桥将于明年春天开放通车。这座桥连接城市的两个部分。"),
            ("ja", "このドキュメントでは Rust と WebAssembly を使ってコンポーネントを作る方法を説明します。"),
            ("ko", "시의회는 내년 봄에 새 다리를 개통하기로 결정했다."),
        ] {
            assert_eq!(of(&[text]).as_deref(), Some(language), "{text}");
        }
    }

    #[test]
    fn a_quotation_does_not_decide() {
        let english = "This chapter explains how the committee came to its conclusions about the river and the bridge.";
        let german = "Der Ausschuss kam zu dem Schluss, dass die Brücke erneuert werden muss.";
        assert_eq!(of(&[german, english, english, english]).as_deref(), Some("en"));
    }

    #[test]
    fn too_little_text_has_no_language() {
        assert_eq!(of(&[]), None);
        assert_eq!(of(&["42", "7 %"]), None);
        assert_eq!(of(&["abc", "abc123 def", "foo bar", "abcd1234 xyz"]), None);
    }

    #[test]
    fn given_languages_are_reduced_to_their_code() {
        assert_eq!(code(" DE-at "), Some("de".into()));
        assert_eq!(code("german"), None);
        assert_eq!(code(""), None);
    }
}
