//! Pictures as files of the task, written one after the other: none is in memory longer than it takes to write it.

use super::album::{Album, Kept, LeftOut};
use super::include::Include;
use super::kind::Kind;
use super::reference::reference;
use crate::document::{Image, property};
use morag_step::{Descriptor, Failure, Output, Task};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;

/// What a document's pictures become: files, where the option asks for them and there is a task to write them.
#[derive(Default)]
pub struct Images<'a> {
    include: Include,
    task: Option<&'a dyn Task>,
    album: RefCell<Album>,
    /// References to pictures that were looked at before, by what the converter calls them: one that a document names a million times is
    /// read once.
    known: RefCell<HashMap<String, Option<(String, u32)>>>,
    /// The page that is converted.
    page: Cell<Option<u32>>,
    /// Why no more are written.
    failure: RefCell<Option<Failure>>,
}

impl std::fmt::Debug for Images<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Images").field("include", &self.include).field("album", &self.album).finish_non_exhaustive()
    }
}

/// Pictures by the names that a converter has for them. More different ones than the zip of a document has parts are not remembered, and
/// are read again.
const KNOWN_MAX: usize = 20_000;

impl<'a> Images<'a> {
    /// No pictures, as where the option does not ask for any.
    pub fn none() -> Self {
        Self::default()
    }

    /// Those that are asked for.
    pub fn of(task: &'a dyn Task, include: Include) -> Self {
        Self { include, task: Some(task), ..Self::default() }
    }

    /// Whether figures are asked for. Where they are not, no picture has to be read.
    pub fn takes_figures(&self) -> bool {
        self.include.figures
    }

    /// Whether pages are to be drawn.
    pub fn takes_pages(&self) -> bool {
        self.include.pages
    }

    /// Whether nothing more would be written.
    pub fn is_full(&self) -> bool {
        self.album.borrow().is_full() || self.failure.borrow().is_some()
    }

    /// What follows is on this page, from 1.
    pub fn at_page(&self, number: u32) {
        self.page.set(Some(number));
    }

    /// The reference to a figure, as markdown within a line. None where figures are not asked for, and for one that is left out: then
    /// the markdown is what it is without the option.
    ///
    /// `name` is what the document calls the picture, by which it is found again without being read; `alt` is plain text. `read` is not
    /// called where there is no room for another picture.
    pub fn figure(
        &self,
        name: Option<&str>,
        alt: Option<&str>,
        read: impl FnOnce() -> Result<Vec<u8>, LeftOut>,
    ) -> Option<String> {
        if !self.include.figures {
            return None;
        }
        let found = name.and_then(|name| self.known.borrow().get(name).cloned());
        let kept = match found {
            Some(known) => known,
            None => {
                let kept = self.keep(alt, read);
                let mut known = self.known.borrow_mut();
                if let Some(name) = name.filter(|_| known.len() < KNOWN_MAX) {
                    known.insert(name.to_owned(), kept.clone());
                }
                kept
            }
        };
        let (file, number) = kept?;
        Some(reference(&alt.and_then(property).unwrap_or_else(|| format!("Image {number}")), &file))
    }

    fn keep(&self, alt: Option<&str>, read: impl FnOnce() -> Result<Vec<u8>, LeftOut>) -> Option<(String, u32)> {
        let decided = if self.is_full() {
            Err(LeftOut::TooMany)
        } else {
            read().and_then(|bytes| {
                let kept = self.album.borrow_mut().figure(&bytes, alt, self.page.get())?;
                self.write(kept, &bytes)
            })
        };
        decided.map_err(|why| self.album.borrow_mut().leave_out(why)).ok()
    }

    /// The reference to the picture of a page, as a line of markdown. None where pages are not asked for, and for one that is left out.
    pub fn page(&self, number: u32, png: &[u8]) -> Option<String> {
        if !self.include.pages {
            return None;
        }
        let kept = self.album.borrow_mut().page(number, png).and_then(|kept| self.write(kept, png));
        match kept {
            Ok((file, _)) => Some(reference(&format!("Page {number}"), &file)),
            Err(why) => {
                self.leave_out(why);
                None
            }
        }
    }

    /// Counts a picture that a converter leaves out itself.
    pub fn leave_out(&self, why: LeftOut) {
        self.album.borrow_mut().leave_out(why);
    }

    fn write(&self, kept: Kept, bytes: &[u8]) -> Result<(String, u32), LeftOut> {
        let Kept { file, number, is_new } = kept;
        let Some(task) = self.task else { return Err(LeftOut::Other) };
        if !is_new {
            return Ok((file, number));
        }
        if self.failure.borrow().is_some() {
            self.album.borrow_mut().withdraw();
            return Err(LeftOut::TooMany);
        }
        task.write_artifact(&file, bytes).map_err(|failure| {
            self.album.borrow_mut().withdraw();
            *self.failure.borrow_mut() = Some(failure);
            LeftOut::TooMany
        })?;
        Ok((file, number))
    }

    /// The pictures that were written, where the option asks for any; and what is said of the others. One that the host has refused, for
    /// a limit that the operator has set, is a warning: the text of the document is there all the same.
    ///
    /// # Errors
    /// What the host answers where writing may succeed later.
    pub fn finish(self) -> Result<(Option<Vec<Image>>, Vec<String>), Failure> {
        let album = self.album.into_inner();
        let mut warnings = album.warnings();
        match self.failure.into_inner() {
            Some(failure) if failure.retryable => return Err(failure),
            Some(failure) => warnings.push(format!("no more pictures can be written: {failure}")),
            None => {}
        }
        Ok((self.include.any().then(|| album.images().to_vec()), warnings))
    }
}

/// Adds the outputs of a converter that writes pictures: figures of these kinds, and pages if it draws them.
#[must_use]
pub fn outputs(descriptor: Descriptor, figures: &[Kind], pages: bool) -> Descriptor {
    let figures = figures.iter().map(|kind| (format!("image-*.{}", kind.format().name), kind.format().media_type()));
    let pages = pages.then(|| ("page-*.png".to_owned(), "image/png"));
    pages
        .into_iter()
        .chain(figures)
        .fold(descriptor, |descriptor, (name, media_type)| descriptor.writes(Output::new(&name, media_type)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use morag_step::mock::MockTask;
    use morag_step::{Blob, Info, Level, Writer};

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

    const ALL: Include = Include { figures: true, pages: true };

    #[test]
    fn what_is_not_asked_for_is_not_even_read() {
        let task = MockTask::new("a.docx", "");
        let images = Images::of(&task, Include { figures: false, pages: true });
        assert_eq!(images.figure(None, None, || panic!("read")), None);
        assert_eq!(images.page(3, PNG).as_deref(), Some("![Page 3](page-3.png)"));
        assert_eq!(Images::none().page(3, PNG), None);
        assert_eq!(images.finish().unwrap().0.unwrap().len(), 1);
        assert_eq!(Images::none().finish().unwrap(), (None, vec![]));
        assert_eq!(task.file("page-3.png").unwrap(), PNG);
    }

    #[test]
    fn a_figure_is_written_with_its_bytes_and_read_once_by_its_name() {
        let task = MockTask::new("a.docx", "");
        let images = Images::of(&task, ALL);
        images.at_page(2);
        let first = images.figure(Some("media/a.png"), Some("A [logo]"), || Ok(PNG.to_vec()));
        assert_eq!(first.as_deref(), Some("![A \\[logo\\]](image-1.png)"));
        let again = images.figure(Some("media/a.png"), None, || panic!("read again"));
        assert_eq!(again.as_deref(), Some("![Image 1](image-1.png)"));
        assert_eq!(images.figure(Some("b.svg"), None, || Ok(b"<svg/>".to_vec())), None);
        assert_eq!(images.figure(Some("b.svg"), None, || panic!("read again")), None);
        assert_eq!(task.file("image-1.png").unwrap(), PNG);
        let (listed, warnings) = images.finish().unwrap();
        assert_eq!(
            serde_json::json!(listed),
            serde_json::json!([{ "file": "image-1.png", "page": 2, "alt": "A [logo]" }])
        );
        assert_eq!(warnings, Vec::<String>::new());
    }

    #[test]
    fn where_there_is_no_room_nothing_is_read() {
        let task = MockTask::new("a.docx", "");
        let images = Images::of(&task, ALL);
        for page in 0..200 {
            images.page(page, PNG);
        }
        assert_eq!(images.figure(None, None, || panic!("read")), None);
        assert_eq!(images.finish().unwrap().1.len(), 1);
    }

    /// A task that refuses files from a name on.
    struct Refusing(MockTask, Failure);

    impl Task for Refusing {
        fn create_artifact(&self, name: &str) -> Result<Box<dyn Writer>, Failure> {
            if name == "image-2.gif" { Err(self.1.clone()) } else { self.0.create_artifact(name) }
        }
        fn info(&self) -> Info {
            self.0.info()
        }
        fn config_json(&self) -> String {
            self.0.config_json()
        }
        fn source(&self) -> Box<dyn Blob> {
            self.0.source()
        }
        fn artifact(&self, name: &str) -> Option<Box<dyn Blob>> {
            self.0.artifact(name)
        }
        fn create_temporary_file(&self, name: &str, media_type: &str) -> Result<Box<dyn Writer>, Failure> {
            self.0.create_temporary_file(name, media_type)
        }
        fn temporary_file(&self, name: &str) -> Option<Box<dyn Blob>> {
            self.0.temporary_file(name)
        }
        fn report_progress(&self, fraction: f64, message: &str) {
            self.0.report_progress(fraction, message);
        }
        fn elapsed_ms(&self) -> u64 {
            0
        }
        fn log(&self, level: Level, message: &str) {
            self.0.log(level, message);
        }
    }

    #[test]
    fn a_file_that_the_host_refuses_is_a_warning_and_one_that_may_come_later_is_not() {
        let finished = |failure: Failure| {
            let task = Refusing(MockTask::new("a.docx", ""), failure);
            let images = Images::of(&task, ALL);
            assert!(images.figure(None, None, || Ok(PNG.to_vec())).is_some());
            assert_eq!(images.figure(None, None, || Ok(b"GIF89a".to_vec())), None);
            assert_eq!(images.figure(None, None, || panic!("read")), None, "nothing more is tried");
            images.finish()
        };
        let limit = Failure::new("PLUGIN_OUTPUT_LIMIT", "16 files");
        let (listed, warnings) = finished(limit).unwrap();
        assert_eq!(listed.unwrap().len(), 1, "what was not written is not listed");
        assert!(warnings.iter().any(|warning| warning.contains("16 files")), "{warnings:?}");
        assert!(finished(Failure::unavailable("the disk is away")).unwrap_err().retryable);
    }

    #[test]
    fn outputs_are_patterns() {
        let described = outputs(Descriptor::new("a", "1.0.0", ""), &[Kind::Png, Kind::Jpg], true);
        let described: Vec<_> =
            described.outputs.iter().map(|output| (output.name.as_str(), &*output.media_type)).collect();
        assert_eq!(
            described,
            [("page-*.png", "image/png"), ("image-*.png", "image/png"), ("image-*.jpg", "image/jpeg")]
        );
    }
}
