//! Letters with accents, and signs that have names.

use super::source::Source;
use std::ops::Range;

/// Letters and what they are with an accent, one after the other.
const ACCENTS: [(&str, &str); 13] = [
    ("'", "aáeéiíoóuúyýcćnńsśzźlĺrŕAÁEÉIÍOÓUÚYÝCĆNŃSŚZŹLĹRŔıí"),
    ("`", "aàeèiìoòuùAÀEÈIÌOÒUÙıì"),
    ("^", "aâeêiîoôuûcĉgĝhĥjĵsŝwŵyŷAÂEÊIÎOÔUÛCĈGĜHĤJĴSŜWŴYŶıî"),
    ("\"", "aäeëiïoöuüyÿAÄEËIÏOÖUÜYŸıï"),
    ("~", "aãoõnñiĩuũAÃOÕNÑIĨUŨ"),
    ("=", "aāeēiīoōuūAĀEĒIĪOŌUŪ"),
    (".", "zżcċeėgġiıZŻCĊEĖGĠIİ"),
    ("c", "cçsştţCÇSŞTŢ"),
    ("v", "cčsšzžeěrřnňdďtťCČSŠZŽEĚRŘNŇDĎTŤ"),
    ("H", "oőuűOŐUŰ"),
    ("k", "aąeęiįuųAĄEĘIĮUŲ"),
    ("r", "aåuůAÅUŮ"),
    ("u", "aăgğeĕiĭoŏuŭAĂGĞ"),
];

/// The letter after the name of an accent, with it; and where it ends.
pub(super) fn accented(name: &str, source: &Source, range: Range<usize>) -> Option<(char, usize)> {
    let (_, letters) = ACCENTS.iter().find(|(accent, _)| *accent == name)?;
    let named = name.starts_with(|c: char| c.is_ascii_alphabetic());
    let (inner, next) = match source.argument(range.clone()) {
        Some((inner, next)) => (source.text[inner].trim(), Some(next)),
        None => (source.text[range.clone()].trim_start(), None),
    };
    // `\i` is the letter without its dot.
    let (letter, len) = match inner.strip_prefix("\\i") {
        Some(_) => ('ı', 2),
        None => inner.chars().next().map(|c| (c, c.len_utf8()))?,
    };
    if next.is_none() && named && !source.text[range.clone()].starts_with(char::is_whitespace) {
        return None;
    }
    let mut pairs = letters.chars();
    while let (Some(plain), Some(accented)) = (pairs.next(), pairs.next()) {
        if plain == letter {
            let rest = &source.text[range.clone()];
            let at = range.start + rest.len() - rest.trim_start().len() + len;
            return Some((accented, next.unwrap_or(at)));
        }
    }
    None
}

/// The text of a command that stands for a sign.
pub(super) fn symbol(name: &str) -> Option<&'static str> {
    Some(match name {
        "ss" => "ß",
        "ae" => "æ",
        "AE" => "Æ",
        "oe" => "œ",
        "OE" => "Œ",
        "o" => "ø",
        "O" => "Ø",
        "l" => "ł",
        "L" => "Ł",
        "aa" => "å",
        "AA" => "Å",
        "i" => "ı",
        "S" => "§",
        "P" => "¶",
        "dag" => "†",
        "copyright" | "textcopyright" => "©",
        "textregistered" => "®",
        "texttrademark" => "™",
        "pounds" | "textsterling" => "£",
        "euro" | "texteuro" | "EUR" => "€",
        "dots" | "ldots" | "textellipsis" => "…",
        "textbackslash" | "backslash" => "\\",
        "textasciitilde" => "~",
        "textasciicircum" => "^",
        "textunderscore" => "_",
        "textbar" => "|",
        "textless" => "<",
        "textgreater" => ">",
        "textbullet" => "•",
        "textdegree" | "degree" => "°",
        "textendash" => "–",
        "textemdash" => "—",
        "textquotedblleft" => "“",
        "textquotedblright" => "”",
        "textquoteleft" => "‘",
        "textquoteright" => "’",
        "guillemotleft" => "«",
        "guillemotright" => "»",
        "LaTeX" => "LaTeX",
        "TeX" => "TeX",
        "BibTeX" => "BibTeX",
        "quad" | "qquad" | "space" | "nobreakspace" | "hfill" | "hskip" | "thinspace" => " ",
        "lbrack" => "[",
        "rbrack" => "]",
        "lbrace" => "{",
        "rbrace" => "}",
        _ => return None,
    })
}
