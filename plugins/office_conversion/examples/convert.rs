//! Converts files to markdown: `convert FOLDER FILE…` writes `FOLDER/FILE.md` for each.

use morag_conversion::{Options, Source};
use std::path::Path;
use std::time::Instant;

fn main() -> std::io::Result<()> {
    let mut args = std::env::args().skip(1);
    let folder = args.next().unwrap_or_else(|| ".".into());
    for path in args {
        let name = Path::new(&path).file_name().unwrap_or_default().to_string_lossy().into_owned();
        let bytes = std::fs::read(&path)?;
        let source = Source { bytes, file_name: name.clone(), media_type: String::new(), language: None, options: Options::default() };
        let start = Instant::now();
        match office_conversion::convert(&source) {
            Ok(converted) => {
                std::fs::write(Path::new(&folder).join(format!("{name}.md")), &converted.markdown)?;
                println!("{name}: {} bytes in {:?}, {:?} pages", converted.markdown.len(), start.elapsed(), converted.page_count());
                converted.warnings.iter().for_each(|warning| println!("  {warning}"));
            }
            Err(failure) => println!("{name}: {failure}"),
        }
    }
    Ok(())
}
