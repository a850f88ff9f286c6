//! The engine: a picture in, its lines out.

use crate::detect::{boxes, scaled};
use crate::gray::Gray;
use crate::ink;
use crate::model::{KnownModel, LoadError};
use crate::page::Page;
use crate::recognise::{Alphabet, HEIGHT, Spoken, cut_out, width_of};
use crate::rectangle::Rectangle;
use morag_core::ports::{Picture, Reading, TextLine};
use rten::{Model, RunOptions, ThreadPool};
use rten_tensor::NdTensor;
use rten_tensor::prelude::*;
use std::num::NonZero;
use std::path::Path;
use std::sync::Arc;

/// Lines of a picture at most: a page in the smallest print has 300.
const LINES_MAX: usize = 2_000;
/// Pixels of lines at most, as the second network gets them: a page in small print has 4 million, each of which takes 2 s. It bounds the
/// time of a picture.
const LINE_PIXELS_MAX: usize = 8_000_000;
/// Columns of lines that are read at once, at most.
const BATCH_WIDTH_MAX: usize = 3_200;
/// Lines that tell which way up the page is.
const PROBES: usize = 3;
/// A line is no probe if it is longer than this many times its height: such lines take longest and tell no more.
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
}

/// A loaded model.
pub struct Reader {
    detector: Model,
    recogniser: Model,
    alphabet: Alphabet,
    threads: Arc<ThreadPool>,
}

impl Reader {
    /// Loads a model from a folder with its files, after checking their digests. Takes a second.
    ///
    /// # Errors
    /// [`LoadError`] names the file.
    pub fn load(model: &KnownModel, folder: &Path, threads: NonZero<usize>) -> Result<Self, LoadError> {
        let detector = model.detector.load(folder)?;
        let recogniser = model.recogniser.load(folder)?;
        // The key is the converter's, of PaddleOCR.
        let alphabet = recogniser.metadata().get("character").map(Alphabet::of);
        let alphabet = alphabet.ok_or_else(|| LoadError::Unfit {
            path: folder.join(model.recogniser.name),
            text: "its metadata has no `character`".to_owned(),
        })?;
        let threads = Arc::new(ThreadPool::with_num_threads(threads.get()));
        Ok(Self { detector, recogniser, alphabet, threads })
    }

    /// Reads a picture. `cancelled` is asked before each run of a network; one takes up to 4 s for the whole picture, then half a
    /// second for some lines.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn read(&self, picture: Picture, cancelled: &dyn Fn() -> bool) -> Result<Reading, ReadError> {
        let work = Work { reader: self, gray: &Gray::of(picture), cancelled };
        work.read()
    }

    fn run<const N: usize>(&self, model: &Model, input: &NdTensor<f32, 4>) -> Result<NdTensor<f32, N>, ReadError> {
        // Without a pool of its own the library takes every core.
        let options = RunOptions::default().with_thread_pool(Some(self.threads.clone()));
        let output = model.run_one(input.view().into(), Some(options));
        let output = output.map_err(|error| ReadError::Model(error.to_string()))?;
        output.try_into().map_err(|error: rten::TryFromValueError| ReadError::Model(error.to_string()))
    }
}

/// One picture that is being read.
struct Work<'a> {
    reader: &'a Reader,
    gray: &'a Gray,
    cancelled: &'a dyn Fn() -> bool,
}

impl Work<'_> {
    fn read(&self) -> Result<Reading, ReadError> {
        let Some((found, mut truncated)) = self.detect()? else { return Ok(Reading::default()) };
        let (page, probed) = self.upright(Page::of(found))?;
        let mut pixels = 0;
        let affordable = page.lines.iter().take_while(|line| {
            pixels += HEIGHT * width_of(line);
            pixels <= LINE_PIXELS_MAX
        });
        let lines: Vec<_> = affordable.copied().collect();
        truncated |= lines.len() < page.lines.len();
        let mut said: Vec<_> = lines.into_iter().map(|line| (line, None)).collect();
        for (line, spoken) in probed {
            if let Some(known) = said.iter_mut().find(|(other, _)| *other == line) {
                known.1 = Some(spoken);
            }
        }
        let unread: Vec<_> = said.iter().filter(|(_, spoken)| spoken.is_none()).map(|(line, _)| *line).collect();
        let mut read = self.recognise(&unread)?.into_iter();
        let mut lines = Vec::with_capacity(said.len());
        for (line, spoken) in said {
            let Some(spoken) = spoken.or_else(|| read.next()) else { continue };
            let (line, spoken) = self.sideways(&page, line, spoken)?;
            lines.extend(told(&line, spoken));
        }
        Ok(Reading { lines, turned: page.turned(), truncated })
    }

    /// Boxes of lines, and whether there were more; `None` for an empty page.
    fn detect(&self) -> Result<Option<(Vec<Rectangle>, bool)>, ReadError> {
        let Some(region) = ink::region(self.gray) else { return Ok(None) };
        let wanted =
            std::env::var("DET").map_or(1280.0, |v| v.parse().unwrap()) / region.width.max(region.height) as f32;
        let input = scaled(self.gray, region, wanted.min(1.0));
        self.check()?;
        let map: NdTensor<f32, 4> = self.reader.run(&self.reader.detector, &input.tensor)?;
        let width = map.size(3);
        let found = boxes(&map.to_vec(), width, LINES_MAX);
        let offset = (region.x as f32, region.y as f32);
        // The map is as large as the input.
        let placed = found.boxes.into_iter().map(|line| line.placed(input.scale, offset));
        Ok(Some((placed.collect(), found.is_cut)))
    }

    /// Turns the page so that its text is upright, by reading some lines both ways. Also returns what they say.
    fn upright(&self, page: Page) -> Result<(Page, Vec<(Rectangle, Spoken)>), ReadError> {
        let mut probes: Vec<_> = page.lines.iter().filter(|line| !page.crosses(line)).copied().collect();
        let length = |line: &Rectangle| line.width / line.height.max(1.0);
        probes.retain(|line| length(line) <= PROBE_LENGTH_MAX);
        probes.sort_by(|a, b| length(b).total_cmp(&length(a)));
        probes.truncate(PROBES);
        let read = |probes: Vec<Rectangle>| -> Result<(f32, Vec<_>), ReadError> {
            let spoken = self.recognise(&probes)?;
            let sum: f32 = spoken.iter().map(|spoken| spoken.confidence).sum();
            Ok((sum / probes.len().max(1) as f32, probes.into_iter().zip(spoken).collect()))
        };
        let (confidence, said) = read(probes.clone())?;
        if confidence >= UPRIGHT_MIN || probes.is_empty() {
            return Ok((page, said));
        }
        let (other, reversed) = read(probes.into_iter().map(Rectangle::reversed).collect())?;
        Ok(if other > confidence { (page.reversed(), reversed) } else { (page, said) })
    }

    /// A line across the others is read down too, if it makes little sense up.
    fn sideways(&self, page: &Page, line: Rectangle, spoken: Spoken) -> Result<(Rectangle, Spoken), ReadError> {
        if !page.crosses(&line) || spoken.confidence >= UPRIGHT_MIN {
            return Ok((line, spoken));
        }
        let down = line.reversed();
        let other = self.recognise(&[down])?.pop().unwrap_or_default();
        Ok(if other.confidence > spoken.confidence { (down, other) } else { (line, spoken) })
    }

    /// What lines say, in order. Lines of like width are read at once.
    fn recognise(&self, lines: &[Rectangle]) -> Result<Vec<Spoken>, ReadError> {
        let mut queue: Vec<_> = lines.iter().enumerate().map(|(index, line)| (width_of(line), index, line)).collect();
        queue.sort_by_key(|(width, index, _)| (*width, *index));
        let mut said = vec![Spoken::default(); lines.len()];
        let maxb: usize = std::env::var("BATCH").map_or(1, |v| v.parse().unwrap());
        let mut rest = queue.as_slice();
        while let Some((first, ..)) = rest.first() {
            let fits = |count: &usize| {
                let width = rest[count - 1].0;
                count * width <= BATCH_WIDTH_MAX.max(width) && width <= first + first / 8 && *count <= maxb
            };
            let count = (1..=rest.len()).take_while(fits).last().unwrap_or(1);
            let (batch, later) = rest.split_at(count);
            rest = later;
            self.check()?;
            let width = batch.iter().map(|(width, ..)| *width).max().unwrap_or_default();
            let mut values = Vec::with_capacity(batch.len() * 3 * HEIGHT * width);
            for (_, _, line) in batch {
                let plane = cut_out(self.gray, line, width);
                (0..3).for_each(|_| values.extend_from_slice(&plane));
            }
            let input = NdTensor::from_data([batch.len(), 3, HEIGHT, width], values);
            let ratings: NdTensor<f32, 3> = self.reader.run(&self.reader.recogniser, &input)?;
            if ratings.size(2) != self.reader.alphabet.classes() {
                return Err(ReadError::Model(format!(
                    "it rates {} characters and names {}",
                    ratings.size(2),
                    self.reader.alphabet.classes()
                )));
            }
            let ratings = ratings.to_contiguous();
            let one = ratings.size(1) * ratings.size(2);
            for ((_, index, _), ratings) in batch.iter().zip(ratings.data().chunks_exact(one.max(1))) {
                said[*index] = self.reader.alphabet.decode(ratings);
            }
        }
        Ok(said)
    }

    fn check(&self) -> Result<(), ReadError> {
        if (self.cancelled)() { Err(ReadError::Cancelled) } else { Ok(()) }
    }
}

/// The line as the caller gets it; `None` where nothing is said, or guessed only.
fn told(line: &Rectangle, spoken: Spoken) -> Option<TextLine> {
    if spoken.text.is_empty() || spoken.confidence < CONFIDENCE_MIN {
        return None;
    }
    let characters = spoken.text.chars().filter(|character| !character.is_whitespace()).count();
    let density = characters as f32 * line.height / line.width.max(1.0);
    Some(TextLine { text: spoken.text, confidence: spoken.confidence, density, corners: line.corners() })
}
