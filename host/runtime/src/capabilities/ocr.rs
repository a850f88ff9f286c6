//! Capability `ocr`: `morag:step/ocr`.

use super::capability::{CallContext, CapabilityHost};
use crate::bindings::morag::step::ocr::{
    self as wit, Host, Line, ModelInfo, PixelFormat, Point, Reading, add_to_linker,
};
use crate::budget::{Allowance, take_both};
use crate::call_error::CallError;
use crate::call_spans::traced;
use crate::guest::{Guest, Instance};
use crate::state::State;
use morag_core::plugin::{Budget, Capability};
use morag_core::ports::{self, Corner, Picture, PictureReader, TextLine};
use std::sync::Arc;
use wasmtime::component::{HasSelf, Linker};

/// Bytes of host memory for one call: the largest picture in colours, 48 MiB, and what is around it.
const HOSTCALL_BYTES_MAX: usize = 50 << 20;

/// The host's side.
pub(super) struct Ocr;

struct OcrState {
    reader: Arc<dyn PictureReader>,
    pictures: Allowance,
    pixels: Allowance,
}

impl State for OcrState {}

impl CapabilityHost for Ocr {
    fn capability(&self) -> Capability {
        Capability::Ocr
    }

    fn hostcall_bytes_max(&self) -> usize {
        HOSTCALL_BYTES_MAX
    }

    fn link(&self, linker: &mut Linker<Instance>) -> wasmtime::Result<()> {
        add_to_linker::<_, HasSelf<Guest>>(linker, Instance::called)
    }

    fn start(&self, call: &CallContext<'_>) -> Box<dyn State> {
        Box::new(OcrState {
            reader: call.services.picture_reader.clone(),
            pictures: call.allowance(Budget::OcrPictures),
            pixels: call.allowance(Budget::OcrPixels),
        })
    }
}

impl Host for Guest {
    async fn model(&mut self) -> Result<ModelInfo, CallError> {
        traced(self.calls.begin("ocr.model"), async {
            let model = self.state::<OcrState>()?.reader.model().map_err(CallError::of_model)?;
            Ok(ModelInfo { name: model.name, scripts: model.scripts })
        })
        .await
    }

    async fn read(&mut self, picture: wit::Picture) -> Result<Reading, CallError> {
        traced(self.calls.begin("ocr.read"), async {
            let state = self.state::<OcrState>()?;
            let format = match picture.format {
                PixelFormat::Gray8 => ports::PixelFormat::Gray8,
                PixelFormat::Rgb8 => ports::PixelFormat::Rgb8,
            };
            let picture = Picture::new(picture.width, picture.height, format, picture.pixels)?;
            take_both(&mut state.pictures, &mut state.pixels, picture.area())?;
            let reader = state.reader.clone();
            let reading = reader.read(picture).await?;
            let bytes = reading.lines.iter().map(|line| (line.text.len() + size_of::<Line>()) as u64).sum();
            self.meter.count_in(bytes).map_err(CallError::limit)?;
            Ok(Reading {
                lines: reading.lines.into_iter().map(line).collect(),
                turned: reading.turned,
                truncated: reading.truncated,
            })
        })
        .await
    }
}

fn line(line: TextLine) -> Line {
    let point = |corner: Corner| Point { x: corner.x, y: corner.y };
    let [top_left, top_right, bottom_right, bottom_left] = line.corners.map(point);
    Line {
        text: line.text,
        confidence: line.confidence,
        density: line.density,
        top_left,
        top_right,
        bottom_right,
        bottom_left,
    }
}
