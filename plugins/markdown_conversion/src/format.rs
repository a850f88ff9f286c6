//! The formats that are converted.

/// A format that is converted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Portable Document Format.
    Pdf,
    /// Word, Office Open XML.
    Docx,
    /// Plain text.
    Txt,
    /// Markdown.
    Md,
    /// HTML.
    Html,
    /// Values separated by commas, semicolons, tabs or bars.
    Csv,
}

impl Format {
    /// Every format, in the order failures list them.
    pub const ALL: [Self; 6] = [Self::Pdf, Self::Docx, Self::Txt, Self::Md, Self::Html, Self::Csv];

    /// Short name, which is the usual extension.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pdf => "pdf",
            Self::Docx => "docx",
            Self::Txt => "txt",
            Self::Md => "md",
            Self::Html => "html",
            Self::Csv => "csv",
        }
    }

    /// Media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Pdf => "application/pdf",
            Self::Docx => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            Self::Txt => "text/plain",
            Self::Md => "text/markdown",
            Self::Html => "text/html",
            Self::Csv => "text/csv",
        }
    }

    /// The format of files with this extension, in lower case.
    pub fn by_extension(extension: &str) -> Option<Self> {
        Some(match extension {
            "pdf" => Self::Pdf,
            "docx" | "docm" | "dotx" | "dotm" => Self::Docx,
            "txt" | "text" | "log" => Self::Txt,
            "md" | "markdown" | "mdown" | "mkd" => Self::Md,
            "html" | "htm" | "xhtml" => Self::Html,
            "csv" | "tsv" => Self::Csv,
            _ => return None,
        })
    }

    /// The format of this media type.
    pub fn by_media_type(media_type: &str) -> Option<Self> {
        let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        Some(match essence.as_str() {
            "application/xhtml+xml" => Self::Html,
            "text/x-markdown" => Self::Md,
            "text/tab-separated-values" => Self::Csv,
            _ => return Self::ALL.into_iter().find(|format| format.media_type() == essence),
        })
    }

    /// Whether it is text rather than a container of other parts.
    pub fn is_text(self) -> bool {
        match self {
            Self::Pdf | Self::Docx => false,
            Self::Txt | Self::Md | Self::Html | Self::Csv => true,
        }
    }
}
