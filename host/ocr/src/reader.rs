//! The engine: a picture in, its lines out.

use crate::detect::{boxes, scaled};
use crate::gray::Gray;
use crate::ink::{self, Region};
use crate::letters;
use crate::model::{KnownModel, LoadError};
use crate::page::Page;
use crate::priority::be_nice;
use crate::recognise::{CharacterSet, Decoded, HEIGHT, Squeeze, cut_out, width_of};
use crate::rectangle::Rectangle;
use morag_core::plugin::FailureCode;
use morag_core::ports::{Picture, Reading, TextLine};
use rten::{Model, RunOptions, ThreadPool};
use rten_tensor::NdTensor;
use rten_tensor::prelude::*;
use std::path::Path;
use std::sync::Arc;

/// Pixels of small letters, as the detection network gets them: with less it misses lines of clean pages, with more it only takes longer.
const LETTER_SIZE: f32 = 6.0;
/// The longest side of the detection network's input at least: a page in large print may have a note in small print.
const SIDE_MIN: f32 = 736.0;
/// The longest side where the size of letters is not known.
const SIDE: f32 = 1280.0;
/// Lines of a picture at most: a page in the smallest print has 300.
const LINES_MAX: usize = 2_000;
/// Pixels of lines at most, as the recognition network gets them: a page in small print has 4 million, each of which takes 1.5 s. It bounds the
/// time of a picture.
const LINE_PIXELS_MAX: usize = 8_000_000;
/// Lines that tell which way up the page is.
const PROBES: usize = 3;
/// Lines longer than this many times their height are probes only where there are no others: they take longest and tell no more.
const PROBE_LENGTH_MAX: f32 = 25.0;
/// Above this confidence a line is not upside down.
const UPRIGHT_MIN: f32 = 0.9;
/// What a line says is dropped below this confidence: it is a guess.
const CONFIDENCE_MIN: f32 = 0.5;

/// Why a picture could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The caller did not want it any more.
    #[error("the reading was cancelled")]
    Cancelled,
    /// A network failed; the text is for the log.
    #[error("the model failed: {0}")]
    Model(String),
    /// What reads is not set up, or gave up; the text may be shown.
    #[error("{0}")]
    Unavailable(String),
    /// What reads cannot work until the operator has done what the text says; it may be shown.
    #[error("{text}")]
    NotUsable {
        /// Code of a step that fails because of it.
        code: FailureCode,
        /// What is wrong and what to do.
        text: String,
    },
}

/// A loaded model.
pub struct Reader {
    detector: Model,
    recogniser: Model,
    character_set: CharacterSet,
}

impl Reader {
    /// Loads a model from a folder with its files, after checking their digests. Takes a second.
    ///
    /// # Errors
    /// [`LoadError`] names the file.
    pub fn load(model: &KnownModel, folder: &Path) -> Result<Self, LoadError> {
        let detector = model.detector.load(folder)?;
        let recogniser = model.recogniser.load_quantised(folder)?;
        // The key is the converter's, of PaddleOCR.
        let character_set = recogniser.metadata().get("character").map(CharacterSet::of);
        let character_set = character_set.ok_or_else(|| LoadError::Unfit {
            path: folder.join(model.recogniser.name),
            text: "its metadata has no `character`".to_owned(),
        })?;
        Ok(Self { detector, recogniser, character_set })
    }

    /// Reads a picture on one thread. `cancelled` is asked before each run of a network; one takes up to 4 s for the whole picture, then half a
    /// second for some lines.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn read(&self, picture: Picture, cancelled: &dyn Fn() -> bool) -> Result<Reading, ReadError> {
        // Without a pool of its own the library takes every core.
        let thread = Arc::new(ThreadPool::with_num_threads(1));
        thread.run(be_nice);
        Work { reader: self, gray: &Gray::of(picture), thread, cancelled }.read()
    }
}

/// One picture that is being read.
struct Work<'a> {
    reader: &'a Reader,
    gray: &'a Gray,
    thread: Arc<ThreadPool>,
    cancelled: &'a dyn Fn() -> bool,
}

impl Work<'_> {
    fn read(&self) -> Result<Reading, ReadError> {
        let Some((found, mut truncated)) = self.detect()? else { return Ok(Reading::default()) };
        let (page, probed) = self.upright(Page::of(found))?;
        let squeeze = squeeze_for(&probed);
        let mut pixels = 0;
        let wanted = page.lines.iter().map(|line| Wanted { squeeze, ..Wanted::of(&page, *line) });
        let affordable = wanted.take_while(|wanted| {
            pixels += HEIGHT * wanted.columns();
            pixels <= LINE_PIXELS_MAX
        });
        let lines: Vec<_> = affordable.collect();
        truncated |= lines.len() < page.lines.len();
        // What the probes said need not be read again.
        let known = |wanted: &Wanted| probed.iter().find(|probe| probe.as_wanted.line == wanted.line).cloned();
        let (known, unknown): (Vec<_>, Vec<_>) =
            lines.iter().map(|wanted| (*wanted, known(wanted))).partition(|(_, read)| read.is_some());
        let unknown: Vec<_> = unknown.into_iter().map(|(wanted, _)| wanted).collect();
        let mut read_lines: Vec<_> =
            known.into_iter().filter_map(|(_, read)| read).chain(self.recognise(&unknown)?).collect();
        self.read_dense_ones_again(&mut read_lines)?;
        let mut text_lines = Vec::with_capacity(read_lines.len());
        for wanted in &lines {
            let Some(index) = read_lines.iter().position(|read| read.as_wanted.line == wanted.line) else { continue };
            let read = self.sideways(&page, read_lines.swap_remove(index))?;
            text_lines.extend(text_line(read));
        }
        Ok(Reading { lines: text_lines, turned: page.turned(), truncated })
    }

    /// Boxes of lines, and whether there were more; `None` for an empty page.
    fn detect(&self) -> Result<Option<(Vec<Rectangle>, bool)>, ReadError> {
        let Some(region) = ink::region(self.gray) else { return Ok(None) };
        let input = scaled(self.gray, region, scale(self.gray, region));
        self.check()?;
        let map: NdTensor<f32, 4> = self.run(&self.reader.detector, &input.tensor)?;
        let width = map.size(3);
        let found = boxes(&map.to_vec(), width, LINES_MAX);
        let offset = (region.x as f32, region.y as f32);
        // The map is as large as the input.
        let placed = found.boxes.into_iter().map(|line| line.placed(input.scale, offset));
        Ok(Some((placed.collect(), found.is_cut)))
    }

    /// Turns the page so that its text is upright, by reading some lines both ways. Also returns what they say.
    fn upright(&self, page: Page) -> Result<(Page, Vec<ReadLine>), ReadError> {
        let mut probes: Vec<_> = page.lines.iter().filter(|line| !page.crosses(line)).copied().collect();
        // The longest that are short enough, then the shortest of the others.
        let rank = |line: &Rectangle| match line.width / line.height.max(1.0) {
            length if length <= PROBE_LENGTH_MAX => -length,
            length => length,
        };
        probes.sort_by(|a, b| rank(a).total_cmp(&rank(b)));
        probes.truncate(PROBES);
        if probes.is_empty() {
            return Ok((page, Vec::new()));
        }
        let mean = |read: &[ReadLine]| read.iter().map(|read| read.decoded.confidence).sum::<f32>() / read.len() as f32;
        let unknown = |line: Rectangle| Wanted::of(&page, line);
        let read = self.recognise(&probes.iter().copied().map(unknown).collect::<Vec<_>>())?;
        if mean(&read) >= UPRIGHT_MIN {
            return Ok((page, read));
        }
        let reversed = self.recognise(&probes.into_iter().map(Rectangle::reversed).map(unknown).collect::<Vec<_>>())?;
        Ok(if mean(&reversed) > mean(&read) { (page.reversed(), reversed) } else { (page, read) })
    }

    /// Lines that said nearly as many characters as they had places have lost some.
    fn read_dense_ones_again(&self, read_lines: &mut [ReadLine]) -> Result<(), ReadError> {
        let widened = |(index, read): (usize, &ReadLine)| {
            let squeeze = read.as_wanted.squeeze.widened(read.density())?;
            Some((index, Wanted { squeeze, ..read.as_wanted }))
        };
        let again: Vec<_> = read_lines.iter().enumerate().filter_map(widened).collect();
        let lines: Vec<_> = again.iter().map(|(_, wanted)| *wanted).collect();
        for ((index, _), read) in again.into_iter().zip(self.recognise(&lines)?) {
            read_lines[index] = read;
        }
        Ok(())
    }

    /// A line across the others is read down too, if it makes little sense up.
    fn sideways(&self, page: &Page, read: ReadLine) -> Result<ReadLine, ReadError> {
        if !page.crosses(&read.as_wanted.line) || read.decoded.confidence >= UPRIGHT_MIN {
            return Ok(read);
        }
        let reversed = Wanted { line: read.as_wanted.line.reversed(), ..read.as_wanted };
        let other = self.recognise(&[reversed])?.pop();
        Ok(match other {
            Some(other) if other.decoded.confidence > read.decoded.confidence => other,
            _ => read,
        })
    }

    /// What lines say, in their order. One at a time: several at once took longer.
    fn recognise(&self, lines: &[Wanted]) -> Result<Vec<ReadLine>, ReadError> {
        lines.iter().map(|wanted| self.recognise_one(*wanted)).collect()
    }

    fn recognise_one(&self, as_wanted: Wanted) -> Result<ReadLine, ReadError> {
        self.check()?;
        let width = as_wanted.columns();
        let line = as_wanted.line;
        let plane = cut_out(self.gray, &line, width);
        // The network wants three colours.
        let input = NdTensor::from_data([1, 3, HEIGHT, width], plane.repeat(3));
        let ratings: NdTensor<f32, 3> = self.run(&self.reader.recogniser, &input)?;
        let (rated, named) = (ratings.size(2), self.reader.character_set.classes());
        if rated != named {
            return Err(ReadError::Model(format!("it rates {rated} characters and names {named}")));
        }
        let decoded = self.reader.character_set.decode(ratings.to_contiguous().data());
        Ok(ReadLine { as_wanted, decoded })
    }

    fn run<const N: usize>(&self, model: &Model, input: &NdTensor<f32, 4>) -> Result<NdTensor<f32, N>, ReadError> {
        let options = RunOptions::default().with_thread_pool(Some(self.thread.clone()));
        let output = model.run_one(input.view().into(), Some(options));
        let output = output.map_err(|error| ReadError::Model(error.to_string()))?;
        output.try_into().map_err(|error: rten::TryFromValueError| ReadError::Model(error.to_string()))
    }

    fn check(&self) -> Result<(), ReadError> {
        if (self.cancelled)() { Err(ReadError::Cancelled) } else { Ok(()) }
    }
}

/// Pixels of the detection network's input for each of the picture.
fn scale(gray: &Gray, region: Region) -> f32 {
    let side = region.width.max(region.height) as f32;
    let wanted = match letters::size(gray, region) {
        Some(size) => (LETTER_SIZE / size).max(SIDE_MIN / side),
        None => SIDE / side,
    };
    wanted.min(1.0)
}

/// A line, and how it is to be read.
#[derive(Clone, Copy)]
struct Wanted {
    line: Rectangle,
    /// The height of its print.
    height: f32,
    squeeze: Squeeze,
}

impl Wanted {
    /// A line of a page of which nothing more is known.
    fn of(page: &Page, line: Rectangle) -> Self {
        Self { line, height: page.print_height(&line), squeeze: Squeeze::UNKNOWN }
    }

    fn columns(&self) -> usize {
        width_of(self.line.width, self.height, self.squeeze)
    }
}

/// A line that was read.
#[derive(Clone)]
struct ReadLine {
    as_wanted: Wanted,
    decoded: Decoded,
}

impl ReadLine {
    /// Characters, spaces too, for each length of the print's height.
    fn density(&self) -> f32 {
        self.decoded.text.chars().count() as f32 * self.as_wanted.height / self.as_wanted.line.width.max(1.0)
    }
}

/// How to read the lines of a page whose probes said this: the densest decides.
fn squeeze_for(probed: &[ReadLine]) -> Squeeze {
    let densest = probed.iter().map(ReadLine::density).max_by(f32::total_cmp);
    densest.map_or(Squeeze::UNKNOWN, Squeeze::of)
}

/// The line as the caller gets it; `None` where nothing is said, or guessed only.
fn text_line(read: ReadLine) -> Option<TextLine> {
    if read.decoded.text.is_empty() || read.decoded.confidence < CONFIDENCE_MIN {
        return None;
    }
    let characters = read.decoded.text.chars().filter(|character| !character.is_whitespace()).count();
    let line = read.as_wanted.line;
    let density = characters as f32 * line.height / line.width.max(1.0);
    let corners = line.corners();
    Some(TextLine { text: read.decoded.text, confidence: read.decoded.confidence, density, corners })
}
