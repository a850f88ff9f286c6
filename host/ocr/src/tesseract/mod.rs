//! The port by Tesseract, a program that the operator has installed. Each picture is a process of its own, with limits.

mod process;
mod table;

use crate::reader::ReadError;
use crate::threads::{Engine, Threads};
use async_trait::async_trait;
use morag_core::plugin::FailureCode;
use morag_core::ports::{CapabilityError, Picture, PictureReader, Reading, ReadingModel};
use std::num::NonZero;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// The program, in `PATH`.
const PROGRAM: &str = "tesseract";

/// Scripts of languages that are not written in Latin letters, as Tesseract names them.
const SCRIPTS: [(&str, &str); 61] = [
    ("amh", "Ethi"),
    ("ara", "Arab"),
    ("asm", "Beng"),
    ("aze_cyrl", "Cyrl"),
    ("bel", "Cyrl"),
    ("ben", "Beng"),
    ("bod", "Tibt"),
    ("bul", "Cyrl"),
    ("chi_sim", "Hans"),
    ("chi_sim_vert", "Hans"),
    ("chi_tra", "Hant"),
    ("chi_tra_vert", "Hant"),
    ("chr", "Cher"),
    ("div", "Thaa"),
    ("dzo", "Tibt"),
    ("ell", "Grek"),
    ("fas", "Arab"),
    ("grc", "Grek"),
    ("guj", "Gujr"),
    ("heb", "Hebr"),
    ("hin", "Deva"),
    ("hye", "Armn"),
    ("iku", "Cans"),
    ("jpn", "Jpan"),
    ("jpn_vert", "Jpan"),
    ("kan", "Knda"),
    ("kat", "Geor"),
    ("kat_old", "Geor"),
    ("kaz", "Cyrl"),
    ("khm", "Khmr"),
    ("kir", "Cyrl"),
    ("kor", "Kore"),
    ("kor_vert", "Kore"),
    ("kur_ara", "Arab"),
    ("lao", "Laoo"),
    ("mal", "Mlym"),
    ("mar", "Deva"),
    ("mkd", "Cyrl"),
    ("mon", "Cyrl"),
    ("mya", "Mymr"),
    ("nep", "Deva"),
    ("ori", "Orya"),
    ("pan", "Guru"),
    ("pus", "Arab"),
    ("rus", "Cyrl"),
    ("san", "Deva"),
    ("sin", "Sinh"),
    ("snd", "Arab"),
    ("srp", "Cyrl"),
    ("syr", "Syrc"),
    ("tam", "Taml"),
    ("tat", "Cyrl"),
    ("tel", "Telu"),
    ("tgk", "Cyrl"),
    ("tha", "Thai"),
    ("tir", "Ethi"),
    ("uig", "Arab"),
    ("ukr", "Cyrl"),
    ("urd", "Arab"),
    ("uzb_cyrl", "Cyrl"),
    ("yid", "Hebr"),
];

/// A language as Tesseract names it, for example `deu` or `chi_sim`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Language(String);

/// A text is no name of a language.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no language of Tesseract: letters, digits and _, at most 32, for example deu or chi_sim")]
pub struct InvalidLanguage(String);

impl std::str::FromStr for Language {
    type Err = InvalidLanguage;
    fn from_str(text: &str) -> Result<Self, InvalidLanguage> {
        let is_named = |character: char| character.is_ascii_alphanumeric() || character == '_';
        match (1..=32).contains(&text.len()) && text.chars().all(is_named) {
            true => Ok(Self(text.to_owned())),
            false => Err(InvalidLanguage(text.to_owned())),
        }
    }
}

/// Reads pictures by Tesseract.
pub struct TesseractReader {
    languages: Vec<Language>,
    /// Set once the program has them all.
    has_languages: OnceLock<()>,
    /// Why it was not usable when it was asked last. Locked while it is asked, so that one process answers all who wait.
    refused: Mutex<Option<Refused>>,
    threads: Threads,
}

struct Command {
    /// Names of the languages, with `+` between them.
    languages: String,
}

impl TesseractReader {
    /// Starts threads, each of which runs the program for one picture at a time.
    ///
    /// # Errors
    /// Where the system gives no threads.
    pub fn start(languages: Vec<Language>, threads: NonZero<usize>) -> std::io::Result<Self> {
        let names: Vec<_> = languages.iter().map(|language| language.0.as_str()).collect();
        let command = Arc::new(Command { languages: names.join("+") });
        Ok(Self {
            threads: Threads::start(threads, command)?,
            has_languages: OnceLock::new(),
            refused: Mutex::new(None),
            languages,
        })
    }
}

impl TesseractReader {
    /// Asks the program for its languages, until it has those of the settings: of a missing one it says nothing where it has others, and
    /// reads letters that are not there.
    fn check_languages(&self) -> Result<(), CapabilityError> {
        if self.has_languages.get().is_some() && is_installed() {
            return Ok(());
        }
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(error) = refused.as_ref().and_then(|refused| refused.recent(Instant::now())) {
            return Err(error);
        }
        let checked = check_tesseract(&self.languages);
        *refused = checked.clone().err().map(|error| Refused { at: Instant::now(), error });
        checked.map(|()| *self.has_languages.get_or_init(|| ()))
    }
}

/// How long a program that lacks something is not asked again. Asking is a process, and a step may ask as often as it calls the host; an
/// operator who has installed a language need not wait longer.
const REFUSED_FOR: Duration = Duration::from_secs(5);

struct Refused {
    at: Instant,
    error: CapabilityError,
}

impl Refused {
    /// The error, as long as it holds.
    fn recent(&self, now: Instant) -> Option<CapabilityError> {
        (now.saturating_duration_since(self.at) < REFUSED_FOR).then(|| self.error.clone())
    }
}

/// Checks that the program is installed, and asks it whether it has these languages.
///
/// # Errors
/// `NotUsable` where it is not or has not, with what to install; `Unavailable` where it does not answer.
pub fn check_tesseract(languages: &[Language]) -> Result<(), CapabilityError> {
    let not_usable = |text| Err(CapabilityError::NotUsable { code: FailureCode::OcrNotConfigured, text });
    if !is_installed() {
        return not_usable(process::absent());
    }
    let unavailable =
        |error: ReadError| CapabilityError::Unavailable(format!("this server's Tesseract failed: {error}"));
    let installed = process::languages(PROGRAM).map_err(unavailable)?;
    missing(languages, &installed).map_or(Ok(()), not_usable)
}

/// What to do about languages that are not installed; none where all are.
fn missing(languages: &[Language], installed: &[String]) -> Option<String> {
    let missing: Vec<_> =
        languages.iter().map(|language| &language.0).filter(|name| !installed.contains(name)).collect();
    let names = missing.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ");
    let packages: Vec<_> = missing.iter().map(|name| format!("tesseract-ocr-{}", name.replace('_', "-"))).collect();
    (!missing.is_empty()).then(|| {
        format!(
            "this server's Tesseract has no language pack {names}: its operator must install it (Debian: {}), or take it out of \
             `ocr_languages`",
            packages.join(" ")
        )
    })
}

impl Engine for Command {
    fn read(&self, picture: Picture, cancelled: &dyn Fn() -> bool) -> Result<Reading, ReadError> {
        let output = process::run(PROGRAM, &self.languages, &picture, cancelled)?;
        Ok(table::reading(&output))
    }
}

fn is_installed() -> bool {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&folders).map(|folder: PathBuf| folder.join(PROGRAM)).any(|path| path.is_file())
}

fn script(language: &Language) -> &'static str {
    SCRIPTS.iter().find(|(name, _)| *name == language.0).map_or("Latn", |(_, script)| script)
}

#[async_trait]
impl PictureReader for TesseractReader {
    fn model(&self) -> Result<ReadingModel, CapabilityError> {
        self.check_languages()?;
        let mut scripts: Vec<_> = self.languages.iter().map(|language| script(language).to_owned()).collect();
        scripts.sort();
        scripts.dedup();
        Ok(ReadingModel { name: PROGRAM.to_owned(), scripts })
    }

    async fn read(&self, picture: Picture) -> Result<Reading, CapabilityError> {
        self.model()?;
        self.threads.read(picture).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_that_is_not_installed_is_named_with_its_package() {
        let languages = ["eng", "chi_sim", "ru"].map(|name| name.parse().unwrap());
        let installed = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert_eq!(missing(&languages, &installed(&["ru", "chi_sim", "osd", "eng"])), None);
        let text = missing(&languages, &installed(&["eng", "osd"])).unwrap();
        assert!(text.contains("chi_sim, ru") && text.contains("tesseract-ocr-chi-sim tesseract-ocr-ru"), "{text}");
    }

    #[test]
    fn a_program_that_lacks_a_language_is_asked_again_after_some_seconds() {
        let refused = Refused { at: Instant::now(), error: CapabilityError::Unavailable("no pack".into()) };
        assert_eq!(refused.recent(refused.at + REFUSED_FOR / 2), Some(refused.error.clone()));
        assert_eq!(refused.recent(refused.at + REFUSED_FOR), None);
    }

    #[test]
    fn languages_are_names_and_nothing_else() {
        for good in ["eng", "chi_sim", "script_1"] {
            assert!(good.parse::<Language>().is_ok(), "{good}");
        }
        for bad in ["", "eng+deu", "../eng", "-c", "e n", &"x".repeat(33)] {
            assert!(bad.parse::<Language>().is_err(), "{bad}");
        }
        assert_eq!(script(&"rus".parse().unwrap()), "Cyrl");
        assert_eq!(script(&"deu".parse().unwrap()), "Latn");
    }
}
