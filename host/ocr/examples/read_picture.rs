//! Reads pictures in PGM or PPM form (`P5`, `P6`) and prints their lines.
#![expect(clippy::disallowed_methods, reason = "a program of its own")]
//!
//! `cargo run -p morag-ocr --example read_picture -- MODELS_FOLDER PICTURE…`

use morag_core::ports::{Picture, PixelFormat};
use morag_ocr::{MODELS, Reader};
use std::path::Path;

fn picture(path: &str) -> Option<Picture> {
    let content = std::fs::read(path).ok()?;
    let mut fields = content.splitn(4, u8::is_ascii_whitespace);
    let format = match fields.next()? {
        b"P5" => PixelFormat::Gray8,
        b"P6" => PixelFormat::Rgb8,
        _ => return None,
    };
    let mut number = || std::str::from_utf8(fields.next()?).ok()?.parse().ok();
    let (width, height) = (number()?, number()?);
    let pixels = fields.next()?.splitn(2, u8::is_ascii_whitespace).nth(1)?;
    Picture::new(width, height, format, pixels.to_vec()).ok()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("the first argument is the folder of the model")?;
    let reader = Reader::load(&MODELS[0], Path::new(&folder))?;
    for path in arguments {
        let picture = picture(&path).ok_or_else(|| format!("{path} is no PGM or PPM picture"))?;
        let reading = reader.read(picture, &|| false)?;
        eprintln!("{path}: {} lines, turned {}", reading.lines.len(), reading.turned);
        for line in reading.lines {
            eprintln!("{:.3} {:.2} {:?}", line.confidence, line.density, line.corners[0]);
            println!("{}", line.text);
        }
    }
    Ok(())
}
