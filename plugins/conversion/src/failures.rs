//! Every way a document is refused, each with its code and what the person can do about it.

use morag_formats::{self as formats, Format};
use morag_step::{CapabilityError, Failure};

/// Bytes of a source that are read. A step has 512 MiB of memory by default, and the parsers hold the source twice
/// beside what they make of it.
pub const SOURCE_BYTES_MAX: u64 = 128 << 20;

/// The document asks for a password.
pub fn encrypted(what: &str) -> Failure {
    Failure::new(
        "ENCRYPTED_DOCUMENT",
        format!("The {what} is protected by a password. Remove the password, save it again and submit that file"),
    )
}

/// A document in which there is no text, also where its pictures were read.
pub fn no_text(format: &Format) -> Failure {
    Failure::new(
        "NO_TEXT",
        format!(
            "No text was found in the {} document. Check that the right file was sent, and that its text can be read",
            format.name
        ),
    )
}

/// A PDF of pictures only, which nothing reads here: of the same code as a picture that is not read. `why` is what the host answered: it names
/// what the operator can do.
pub fn no_text_layer(pages: u32, why: &str) -> Failure {
    let pages = if pages == 1 { "page has".to_owned() } else { format!("{pages} pages have") };
    Failure::new(
        "OCR_NOT_CONFIGURED",
        format!(
            "The PDF's {pages} no text layer: it is a scan or only pictures, which were not read: {why}. Submit it again, or retry the \
             task, when the server reads pictures, or run OCR on it first and submit the result"
        ),
    )
}

/// What the model answered when it was asked for: where there is none, the host's text says how to set one up.
pub fn no_ocr(error: CapabilityError) -> Failure {
    match error {
        CapabilityError::Unavailable(why) => Failure::new(
            "OCR_NOT_CONFIGURED",
            format!(
                "The picture was not read: {why}. Submit it again, or retry the task, when the server reads pictures"
            ),
        ),
        other => other.into(),
    }
}

/// What the model answered instead of the text of a page.
pub fn ocr(error: CapabilityError, page: u32) -> Failure {
    match error {
        CapabilityError::Limit(why) => Failure::new(
            "OCR_LIMIT",
            format!(
                "The pictures from page {page} on were not read: {why}. Submit fewer pages with the options page_range or max_pages, or let \
                 the operator raise that budget of the plugin"
            ),
        ),
        CapabilityError::Invalid(why) => Failure::new(
            "OCR_FAILED",
            format!(
                "The picture of page {page} was not read: {why}. Save it anew, with fewer pixels if it is large, and submit that file"
            ),
        ),
        other => other.into(),
    }
}

/// A document of pictures whose text is of a script that the model does not read.
pub fn unsupported_script(format: &Format, model: &str, scripts: &[String]) -> Failure {
    let scripts = scripts.join(", ");
    Failure::new(
        "UNSUPPORTED_SCRIPT",
        format!(
            "The text of the {} document is of a script that the model {model} does not read: it reads {scripts}. The operator can {}, \
             and the task can be submitted again",
            format.name,
            other_script(model)
        ),
    )
}

/// What the operator can do for text of a script that the model does not read. Tesseract reads the scripts of its language packs.
pub(crate) fn other_script(model: &str) -> &'static str {
    match model {
        "tesseract" => "install a language pack of that script and add it to `ocr_languages`",
        _ => {
            "set `ocr = \"tesseract\"` and `ocr_languages` to the language's name, for example \"rus,eng\", with its language pack \
             installed (Debian: tesseract-ocr-rus)"
        }
    }
}

/// The document is not what its format asks for. `reason` says where.
pub fn corrupt(format: &Format, reason: impl std::fmt::Display) -> Failure {
    Failure::new(
        "CORRUPT_DOCUMENT",
        format!(
            "The {} document is damaged or incomplete ({reason}). Open it in its own program, save it again and \
             submit that file",
            format.name
        ),
    )
}

/// A document with nothing in it.
pub fn empty(why: &str) -> Failure {
    Failure::new(
        "EMPTY_DOCUMENT",
        format!("The document has nothing to convert: {why}. Check that the right file was sent"),
    )
}

/// A document that would take more memory than a step has.
pub fn too_large(why: impl std::fmt::Display) -> Failure {
    Failure::new("DOCUMENT_TOO_LARGE", format!("The document is too large: {why}. Split it and submit the parts"))
}

/// A format that this converter does not take: the host asks the next one. `attempted` is its usual extension, without the dot.
pub fn unsupported(attempted: &str) -> Failure {
    let message = format!("Unsupported file format: .{attempted} files cannot be converted to markdown");
    let supported: Vec<&str> = formats::ALL.iter().map(|format| format.name).collect();
    Failure::new("UNSUPPORTED_FORMAT", message).with("attempted_format", attempted).with("supported_formats", supported)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_operator_can_do_for_a_picture_is_what_the_host_says() {
        let why = "its operator has set `ocr` to `off`";
        for failure in [no_ocr(CapabilityError::Unavailable(why.into())), no_text_layer(1, why)] {
            assert_eq!(failure.code, "OCR_NOT_CONFIGURED");
            assert!(failure.message.contains(why), "{failure}");
            assert!(!failure.message.contains("morag models add"), "{failure}");
        }
    }

    #[test]
    fn tesseract_is_recommended_where_it_is_not_in_use() {
        let of = |model| unsupported_script(&formats::PDF, model, &["Latn".into()]).message;
        assert!(of("pp-ocrv6-small").contains("set `ocr = \"tesseract\"`"));
        assert!(of("tesseract").contains("`ocr_languages`") && !of("tesseract").contains("ocr = "));
    }
}
