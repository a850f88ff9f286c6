//! The formats of documents that are converted: the one table of their names, media types and extensions.
//!
//! The host uses it to name documents, and the standard converters to say what they take. Formats of other converters are not in this table:
//! each says its own (`wit/converter.wit`).

#[cfg(feature = "sniff")]
mod sniff;

#[cfg(feature = "sniff")]
pub use sniff::{Content, HEAD_BYTES, sniff};

/// What a document is to its reader: the `source_type` of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text, tables, slides, mail.
    Document,
    /// A picture.
    Image,
    /// Sound.
    Audio,
    /// Film.
    Video,
}

/// A format.
#[derive(Debug, PartialEq, Eq)]
pub struct Format {
    /// Short name, which is the usual extension.
    pub name: &'static str,
    /// What it is to its reader.
    pub kind: Kind,
    /// Media types in lower case; the first is the one that is written.
    pub media_types: &'static [&'static str],
    /// Extensions of its files in lower case; the first is its name.
    pub extensions: &'static [&'static str],
}

/// Portable Document Format.
pub static PDF: Format = Format {
    name: "pdf",
    kind: Kind::Document,
    media_types: &["application/pdf", "application/x-pdf"],
    extensions: &["pdf"],
};

/// Word, Office Open XML.
pub static DOCX: Format = Format {
    name: "docx",
    kind: Kind::Document,
    media_types: &[
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "application/vnd.ms-word.document.macroenabled.12",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.template",
    ],
    extensions: &["docx", "docm", "dotx", "dotm"],
};

/// Word 97 to 2003.
pub static DOC: Format =
    Format { name: "doc", kind: Kind::Document, media_types: &["application/msword"], extensions: &["doc", "dot"] };

/// OpenDocument text.
pub static ODT: Format = Format {
    name: "odt",
    kind: Kind::Document,
    media_types: &["application/vnd.oasis.opendocument.text"],
    extensions: &["odt", "ott"],
};

/// Rich Text Format.
pub static RTF: Format =
    Format { name: "rtf", kind: Kind::Document, media_types: &["application/rtf", "text/rtf"], extensions: &["rtf"] };

/// Excel, Office Open XML.
pub static XLSX: Format = Format {
    name: "xlsx",
    kind: Kind::Document,
    media_types: &[
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "application/vnd.ms-excel.sheet.macroenabled.12",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.template",
    ],
    extensions: &["xlsx", "xlsm", "xltx", "xltm"],
};

/// Excel 97 to 2003.
pub static XLS: Format = Format {
    name: "xls",
    kind: Kind::Document,
    media_types: &["application/vnd.ms-excel"],
    extensions: &["xls", "xlt"],
};

/// OpenDocument spreadsheet.
pub static ODS: Format = Format {
    name: "ods",
    kind: Kind::Document,
    media_types: &["application/vnd.oasis.opendocument.spreadsheet"],
    extensions: &["ods", "ots"],
};

/// PowerPoint, Office Open XML.
pub static PPTX: Format = Format {
    name: "pptx",
    kind: Kind::Document,
    media_types: &[
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        "application/vnd.ms-powerpoint.presentation.macroenabled.12",
        "application/vnd.openxmlformats-officedocument.presentationml.slideshow",
        "application/vnd.openxmlformats-officedocument.presentationml.template",
    ],
    extensions: &["pptx", "pptm", "ppsx", "ppsm", "potx"],
};

/// PowerPoint 97 to 2003.
pub static PPT: Format = Format {
    name: "ppt",
    kind: Kind::Document,
    media_types: &["application/vnd.ms-powerpoint"],
    extensions: &["ppt", "pps", "pot"],
};

/// OpenDocument presentation.
pub static ODP: Format = Format {
    name: "odp",
    kind: Kind::Document,
    media_types: &["application/vnd.oasis.opendocument.presentation"],
    extensions: &["odp", "otp"],
};

/// Electronic book.
pub static EPUB: Format =
    Format { name: "epub", kind: Kind::Document, media_types: &["application/epub+zip"], extensions: &["epub"] };

/// Mail message (RFC 5322).
pub static EML: Format =
    Format { name: "eml", kind: Kind::Document, media_types: &["message/rfc822"], extensions: &["eml"] };

/// Mail message of Outlook.
pub static MSG: Format =
    Format { name: "msg", kind: Kind::Document, media_types: &["application/vnd.ms-outlook"], extensions: &["msg"] };

/// Archive of documents.
pub static ZIP: Format = Format {
    name: "zip",
    kind: Kind::Document,
    media_types: &["application/zip", "application/x-zip-compressed"],
    extensions: &["zip"],
};

/// Plain text.
pub static TXT: Format =
    Format { name: "txt", kind: Kind::Document, media_types: &["text/plain"], extensions: &["txt", "text", "log"] };

/// Markdown.
pub static MD: Format = Format {
    name: "md",
    kind: Kind::Document,
    media_types: &["text/markdown", "text/x-markdown"],
    extensions: &["md", "markdown", "mdown", "mkd"],
};

/// HTML.
pub static HTML: Format = Format {
    name: "html",
    kind: Kind::Document,
    media_types: &["text/html", "application/xhtml+xml"],
    extensions: &["html", "htm", "xhtml"],
};

/// Values separated by commas, semicolons, tabs or bars.
pub static CSV: Format = Format {
    name: "csv",
    kind: Kind::Document,
    media_types: &["text/csv", "text/tab-separated-values"],
    extensions: &["csv", "tsv"],
};

/// JSON, or a value a line.
pub static JSON: Format = Format {
    name: "json",
    kind: Kind::Document,
    media_types: &["application/json", "application/x-ndjson"],
    extensions: &["json", "jsonl", "ndjson"],
};

/// XML.
pub static XML: Format =
    Format { name: "xml", kind: Kind::Document, media_types: &["application/xml", "text/xml"], extensions: &["xml"] };

/// YAML.
pub static YAML: Format = Format {
    name: "yaml",
    kind: Kind::Document,
    media_types: &["application/yaml", "text/yaml", "application/x-yaml", "text/x-yaml"],
    extensions: &["yaml", "yml"],
};

/// Jupyter notebook.
pub static IPYNB: Format =
    Format { name: "ipynb", kind: Kind::Document, media_types: &["application/x-ipynb+json"], extensions: &["ipynb"] };

/// LaTeX.
pub static TEX: Format = Format {
    name: "tex",
    kind: Kind::Document,
    media_types: &["application/x-tex", "text/x-tex", "application/x-latex"],
    extensions: &["tex", "latex", "ltx"],
};

/// AsciiDoc.
pub static ADOC: Format =
    Format { name: "adoc", kind: Kind::Document, media_types: &["text/asciidoc"], extensions: &["adoc", "asciidoc"] };

/// reStructuredText.
pub static RST: Format = Format {
    name: "rst",
    kind: Kind::Document,
    media_types: &["text/x-rst", "text/prs.fallenstein.rst"],
    extensions: &["rst"],
};

/// Subtitles, WebVTT.
pub static VTT: Format = Format { name: "vtt", kind: Kind::Document, media_types: &["text/vtt"], extensions: &["vtt"] };

/// Subtitles, SubRip.
pub static SRT: Format =
    Format { name: "srt", kind: Kind::Document, media_types: &["application/x-subrip"], extensions: &["srt"] };

/// Portable Network Graphics.
pub static PNG: Format = Format { name: "png", kind: Kind::Image, media_types: &["image/png"], extensions: &["png"] };

/// JPEG.
pub static JPG: Format =
    Format { name: "jpg", kind: Kind::Image, media_types: &["image/jpeg"], extensions: &["jpg", "jpeg", "jpe"] };

/// Graphics Interchange Format.
pub static GIF: Format = Format { name: "gif", kind: Kind::Image, media_types: &["image/gif"], extensions: &["gif"] };

/// Windows bitmap.
pub static BMP: Format = Format {
    name: "bmp",
    kind: Kind::Image,
    media_types: &["image/bmp", "image/x-ms-bmp"],
    extensions: &["bmp", "dib"],
};

/// Tagged Image File Format, of one page or many.
pub static TIFF: Format =
    Format { name: "tiff", kind: Kind::Image, media_types: &["image/tiff"], extensions: &["tiff", "tif"] };

/// WebP.
pub static WEBP: Format =
    Format { name: "webp", kind: Kind::Image, media_types: &["image/webp"], extensions: &["webp"] };

/// MPEG audio.
pub static MP3: Format =
    Format { name: "mp3", kind: Kind::Audio, media_types: &["audio/mpeg", "audio/mp3"], extensions: &["mp3"] };

/// Waveform audio.
pub static WAV: Format = Format {
    name: "wav",
    kind: Kind::Audio,
    media_types: &["audio/wav", "audio/x-wav", "audio/vnd.wave"],
    extensions: &["wav"],
};

/// Audio in an MPEG-4 file.
pub static M4A: Format = Format {
    name: "m4a",
    kind: Kind::Audio,
    media_types: &["audio/mp4", "audio/x-m4a", "audio/m4a"],
    extensions: &["m4a", "m4b"],
};

/// Ogg with Vorbis or Opus.
pub static OGG: Format = Format {
    name: "ogg",
    kind: Kind::Audio,
    media_types: &["audio/ogg", "audio/opus"],
    extensions: &["ogg", "oga", "opus"],
};

/// Free Lossless Audio Codec.
pub static FLAC: Format =
    Format { name: "flac", kind: Kind::Audio, media_types: &["audio/flac", "audio/x-flac"], extensions: &["flac"] };

/// Advanced Audio Coding without a container.
pub static AAC: Format =
    Format { name: "aac", kind: Kind::Audio, media_types: &["audio/aac", "audio/x-aac"], extensions: &["aac"] };

/// MPEG-4 video.
pub static MP4: Format =
    Format { name: "mp4", kind: Kind::Video, media_types: &["video/mp4", "video/x-m4v"], extensions: &["mp4", "m4v"] };

/// QuickTime video.
pub static MOV: Format =
    Format { name: "mov", kind: Kind::Video, media_types: &["video/quicktime"], extensions: &["mov", "qt"] };

/// Matroska video.
pub static MKV: Format = Format {
    name: "mkv",
    kind: Kind::Video,
    media_types: &["video/x-matroska", "video/matroska"],
    extensions: &["mkv"],
};

/// WebM video.
pub static WEBM: Format =
    Format { name: "webm", kind: Kind::Video, media_types: &["video/webm"], extensions: &["webm"] };

/// Every format, in the order in which failures list them.
pub static ALL: [&Format; 44] = [
    &PDF, &DOCX, &DOC, &ODT, &RTF, &XLSX, &XLS, &ODS, &PPTX, &PPT, &ODP, &EPUB, &EML, &MSG, &ZIP, &TXT, &MD, &HTML,
    &CSV, &JSON, &XML, &YAML, &IPYNB, &TEX, &ADOC, &RST, &VTT, &SRT, &PNG, &JPG, &GIF, &BMP, &TIFF, &WEBP, &MP3, &WAV,
    &M4A, &OGG, &FLAC, &AAC, &MP4, &MOV, &MKV, &WEBM,
];

impl Format {
    /// The media type that is written for it.
    pub fn media_type(&self) -> &'static str {
        self.media_types.first().copied().unwrap_or_default()
    }

    /// Whether files with this extension, in any case and without its dot, are of the format.
    pub fn has_extension(&self, extension: &str) -> bool {
        self.extensions.iter().any(|known| known.eq_ignore_ascii_case(extension))
    }

    /// Whether it has this media type, which may have parameters.
    pub fn has_media_type(&self, media_type: &str) -> bool {
        let essence = essence(media_type);
        self.media_types.iter().any(|known| known.eq_ignore_ascii_case(essence))
    }
}

/// A media type without its parameters.
pub fn essence(media_type: &str) -> &str {
    media_type.split(';').next().unwrap_or_default().trim()
}

/// The format of files with this extension, in any case and without its dot.
pub fn by_extension(extension: &str) -> Option<&'static Format> {
    ALL.into_iter().find(|format| format.has_extension(extension))
}

/// The format of this media type, which may have parameters.
pub fn by_media_type(media_type: &str) -> Option<&'static Format> {
    ALL.into_iter().find(|format| format.has_media_type(media_type))
}

/// The extension of a file name in lower case, without its dot; empty where it has none.
pub fn extension(file_name: &str) -> String {
    // Longer, or with a space, is a sentence with a dot in it, not an extension.
    const CHARS_MAX: usize = 16;
    match file_name.trim().rsplit_once('.') {
        Some((_, extension))
            if !extension.is_empty()
                && extension.chars().count() <= CHARS_MAX
                && extension.chars().all(char::is_alphanumeric) =>
        {
            extension.to_lowercase()
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_two_formats_share_a_name_an_extension_or_a_media_type() {
        let mut seen = BTreeSet::new();
        for format in ALL {
            assert_eq!(format.extensions.first(), Some(&format.name));
            for text in format.extensions.iter().chain(format.media_types) {
                assert!(seen.insert(*text), "{text}");
                assert_eq!(*text, text.to_lowercase());
            }
        }
    }

    #[test]
    fn a_format_is_found_by_extension_and_by_media_type() {
        for format in ALL {
            assert_eq!(by_extension(&format.name.to_uppercase()), Some(format));
            assert_eq!(by_media_type(&format!("{}; charset=utf-8", format.media_type())), Some(format));
        }
        assert_eq!(by_extension("JPEG").map(|format| format.name), Some("jpg"));
        assert_eq!(by_media_type("Text/X-Markdown").map(|format| format.name), Some("md"));
        assert_eq!((by_extension(""), by_media_type("")), (None, None));
    }

    #[test]
    fn an_extension_is_short_and_plain() {
        for (name, found) in [
            ("a.PDF", "pdf"),
            ("a.tar.gz", "gz"),
            ("README", ""),
            ("Notes on v. 2 of it", ""),
            ("a.", ""),
            ("a.averyveryverylongone", ""),
        ] {
            assert_eq!(extension(name), found, "{name}");
        }
    }
}
