//! Encodings of text, and languages, by the numbers that Windows gives them.

use encoding_rs::{
    BIG5, EUC_JP, EUC_KR, Encoding, GB18030, GBK, IBM866, ISO_2022_JP, ISO_8859_2, ISO_8859_3, ISO_8859_4, ISO_8859_5,
    ISO_8859_6, ISO_8859_7, ISO_8859_8, ISO_8859_8_I, ISO_8859_13, ISO_8859_15, KOI8_R, KOI8_U, MACINTOSH, SHIFT_JIS,
    UTF_8, WINDOWS_874, WINDOWS_1250, WINDOWS_1251, WINDOWS_1252, WINDOWS_1253, WINDOWS_1254, WINDOWS_1255,
    WINDOWS_1256, WINDOWS_1257, WINDOWS_1258,
};

/// The encoding of a code page.
pub fn of_page(page: i32) -> Option<&'static Encoding> {
    Some(match page {
        866 => IBM866,
        874 => WINDOWS_874,
        932 => SHIFT_JIS,
        936 | 52_936 => GBK,
        949 | 1361 | 51_949 => EUC_KR,
        950 => BIG5,
        1250 => WINDOWS_1250,
        1251 => WINDOWS_1251,
        // ASCII and ISO 8859-1 are within it, as in browsers.
        1252 | 20_127 | 28_591 => WINDOWS_1252,
        1253 => WINDOWS_1253,
        1254 | 28_599 => WINDOWS_1254,
        1255 => WINDOWS_1255,
        1256 => WINDOWS_1256,
        1257 => WINDOWS_1257,
        1258 => WINDOWS_1258,
        10_000 => MACINTOSH,
        20_866 => KOI8_R,
        21_866 => KOI8_U,
        20_932 | 51_932 => EUC_JP,
        28_592 => ISO_8859_2,
        28_593 => ISO_8859_3,
        28_594 => ISO_8859_4,
        28_595 => ISO_8859_5,
        28_596 => ISO_8859_6,
        28_597 => ISO_8859_7,
        28_598 => ISO_8859_8,
        28_603 => ISO_8859_13,
        28_605 => ISO_8859_15,
        38_598 => ISO_8859_8_I,
        50_220..=50_222 => ISO_2022_JP,
        54_936 => GB18030,
        65_001 => UTF_8,
        _ => return None,
    })
}

/// The encoding of a font's character set; none where it is that of the document.
pub fn of_charset(charset: i32) -> Option<&'static Encoding> {
    of_page(match charset {
        0 | 2 => 1252,
        77 => 10_000,
        128 => 932,
        129 | 130 => 949,
        134 => 936,
        136 => 950,
        161 => 1253,
        162 => 1254,
        163 => 1258,
        177 => 1255,
        178..=180 => 1256,
        186 => 1257,
        204 => 1251,
        222 => 874,
        238 => 1250,
        _ => return None,
    })
}

/// The tag of a language.
pub fn language(number: i32) -> Option<&'static str> {
    Some(match number {
        1025 => "ar-SA",
        1026 => "bg-BG",
        1028 => "zh-TW",
        1029 => "cs-CZ",
        1030 => "da-DK",
        1031 => "de-DE",
        1032 => "el-GR",
        1033 => "en-US",
        1034 | 3082 => "es-ES",
        1035 => "fi-FI",
        1036 => "fr-FR",
        1037 => "he-IL",
        1038 => "hu-HU",
        1040 => "it-IT",
        1041 => "ja-JP",
        1042 => "ko-KR",
        1043 => "nl-NL",
        1044 => "nb-NO",
        1045 => "pl-PL",
        1046 => "pt-BR",
        1048 => "ro-RO",
        1049 => "ru-RU",
        1051 => "sk-SK",
        1053 => "sv-SE",
        1054 => "th-TH",
        1055 => "tr-TR",
        1058 => "uk-UA",
        1066 => "vi-VN",
        2052 => "zh-CN",
        2055 => "de-CH",
        2057 => "en-GB",
        2070 => "pt-PT",
        3079 => "de-AT",
        _ => return None,
    })
}
