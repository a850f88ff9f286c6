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
    /// `name` is what the document calls the picture, by which it is found again without being read; `alt` is plain text. Where there is no
    /// room for another picture, `read` is called only for one without a name, which may be one that is a file already.
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
                let kept = self.keep(name, alt, read);
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

    fn keep(
        &self,
        name: Option<&str>,
        alt: Option<&str>,
        read: impl FnOnce() -> Result<Vec<u8>, LeftOut>,
    ) -> Option<(String, u32)> {
        // By its name it would have been found.
        let decided = if self.is_full() && name.is_some() {
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
    /// a limit that the operator has set, is a warning: the host keeps room for the text of the document, whose file has a name of its own.
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
    use crate::document::Converted;
    use crate::step::run_with_images;
    use morag_step::mock::MockTask;
    use morag_step::{Blob, Data, Info, Level, Writer};

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
    fn where_there_is_no_room_only_what_may_be_a_file_already_is_read() {
        let task = MockTask::new("a.docx", "");
        let images = Images::of(&task, ALL);
        let logo = images.figure(None, None, || Ok(PNG.to_vec())).unwrap();
        for page in 0..199 {
            images.page(page, PNG);
        }
        assert!(images.is_full());
        assert_eq!(images.figure(None, None, || Ok(PNG.to_vec())), Some(logo));
        assert_eq!(images.figure(Some("b.png"), None, || panic!("read")), None);
        assert_eq!(images.figure(None, None, || Ok(b"GIF89a".to_vec())), None);
        assert!(task.file("image-2.gif").is_none());
        let warnings = images.finish().unwrap().1;
        assert!(warnings.len() == 1 && warnings[0].starts_with("2 pictures are left out: "), "{warnings:?}");
    }

    /// A task with a limit of files as the host has it: those of a pattern leave room for the two that have a name of their own, and one
    /// that is refused ends nothing; of those with a name, one too many would end the step.
    struct Limited {
        task: MockTask,
        files_max: usize,
        refusal: Failure,
        begun: RefCell<Vec<String>>,
    }

    impl Limited {
        fn new(files_max: usize, refusal: Failure) -> Self {
            let task = MockTask::new("a.docx", "").with_option("include_images", "figures");
            Self { task, files_max, refusal, begun: RefCell::default() }
        }
    }

    impl Task for Limited {
        fn create_artifact(&self, name: &str) -> Result<Box<dyn Writer>, Failure> {
            let own = ["markdown.md", "document.json"];
            let mut begun = self.begun.borrow_mut();
            let to_come = own.iter().filter(|own| !begun.iter().any(|begun| begun == *own)).count();
            if !own.contains(&name) && begun.len() + 1 + to_come > self.files_max {
                return Err(self.refusal.clone());
            }
            begun.push(name.to_owned());
            assert!(begun.len() <= self.files_max, "the host ends the step");
            self.task.create_artifact(name)
        }
        fn info(&self) -> Info {
            self.task.info()
        }
        fn config_json(&self) -> String {
            self.task.config_json()
        }
        fn source(&self) -> Box<dyn Blob> {
            self.task.source()
        }
        fn artifact(&self, name: &str) -> Option<Box<dyn Blob>> {
            self.task.artifact(name)
        }
        fn create_temporary_file(&self, name: &str, media_type: &str) -> Result<Box<dyn Writer>, Failure> {
            self.task.create_temporary_file(name, media_type)
        }
        fn temporary_file(&self, name: &str) -> Option<Box<dyn Blob>> {
            self.task.temporary_file(name)
        }
        fn report_progress(&self, fraction: f64, message: &str) {
            self.task.report_progress(fraction, message);
        }
        fn elapsed_ms(&self) -> u64 {
            0
        }
        fn log(&self, level: Level, message: &str) {
            self.task.log(level, message);
        }
    }

    /// Converts a document of a line of text and 20 different pictures.
    fn convert_twenty(task: &Limited) -> Result<Data, Failure> {
        run_with_images(task, |_, images| {
            let picture = |number: u8| images.figure(Some(&number.to_string()), None, || Ok([PNG, &[number]].concat()));
            let pictures: Vec<String> = (0..20).filter_map(picture).collect();
            Ok(Converted::without_pages(&morag_formats::TXT, format!("text {}\n", pictures.join(" "))))
        })
    }

    #[test]
    fn files_that_the_host_refuses_are_a_warning_beside_the_text() {
        let refusal = Failure::new("PLUGIN_OUTPUT_LIMIT", "the step wrote more than its 16 artifacts");
        let task = Limited::new(16, refusal);
        convert_twenty(&task).unwrap();
        let markdown = task.task.text("markdown.md");
        assert!(markdown.starts_with("text ![") && markdown.ends_with(" ![Image 14](image-14.png)\n"), "{markdown}");
        let document: serde_json::Value = task.task.json("document.json");
        assert_eq!(document["images"].as_array().unwrap().len(), 14, "what was not written is not listed");
        let lines = task.task.lines.borrow();
        assert!(lines.iter().any(|(_, line)| line.contains("its 16 artifacts")), "{lines:?}");
    }

    #[test]
    fn files_that_may_be_written_later_are_a_failure() {
        let task = Limited::new(16, Failure::unavailable("the disk is away"));
        assert!(convert_twenty(&task).unwrap_err().retryable);
        assert!(task.task.file("markdown.md").is_none());
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
