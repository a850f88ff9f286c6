//! What a recording says about itself.

use morag_conversion::document::property;

/// Tags of a recording, and its length.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tags {
    /// Title.
    pub title: Option<String>,
    /// Artist, speaker or author.
    pub artist: Option<String>,
    /// Album, series or show.
    pub album: Option<String>,
    /// Date, as it is written in the file: often a year alone.
    pub date: Option<String>,
    /// What it is about.
    pub comment: Option<String>,
    /// Language, as it is written in the file.
    pub language: Option<String>,
    /// Program that wrote the file.
    pub encoder: Option<String>,
    /// Length in milliseconds, as the container says it.
    pub duration_ms: Option<u64>,
}

impl Tags {
    /// Sets a tag by the name that Vorbis comments, Matroska and `ffmpeg` have for it, in any case. The first of a name counts.
    pub fn set(&mut self, name: &str, value: &str) {
        let field = match name.to_ascii_lowercase().as_str() {
            "title" => &mut self.title,
            "artist" => &mut self.artist,
            "album" => &mut self.album,
            "date" | "year" | "date_released" | "date_recorded" => &mut self.date,
            "comment" | "description" | "synopsis" => &mut self.comment,
            "language" => &mut self.language,
            "encoder" => &mut self.encoder,
            _ => return,
        };
        if field.is_none() {
            *field = property(value);
        }
    }

    /// Takes from others what is missing here.
    pub fn fill(&mut self, others: Self) {
        let fill = |to: &mut Option<String>, from: Option<String>| *to = to.take().or(from);
        fill(&mut self.title, others.title);
        fill(&mut self.artist, others.artist);
        fill(&mut self.album, others.album);
        fill(&mut self.date, others.date);
        fill(&mut self.comment, others.comment);
        fill(&mut self.language, others.language);
        fill(&mut self.encoder, others.encoder);
        self.duration_ms = self.duration_ms.or(others.duration_ms);
    }
}
