//! The languages that the rules know.

/// A language with word lists of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Language {
    /// English, and every language without lists of its own.
    English,
    /// German: every noun is capitalised.
    German,
    /// French.
    French,
    /// Spanish.
    Spanish,
}

/// Every language, in the order of the lists.
pub const ALL: [Language; 4] = [Language::English, Language::German, Language::French, Language::Spanish];

impl Language {
    /// From a language tag such as `de` or `de-AT`.
    pub fn from_code(code: &str) -> Option<Self> {
        match code.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase().as_str() {
            "en" => Some(Self::English),
            "de" => Some(Self::German),
            "fr" => Some(Self::French),
            "es" => Some(Self::Spanish),
            _ => None,
        }
    }
}
