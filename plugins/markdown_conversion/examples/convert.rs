//! Converts one file natively: `convert FILE [OUT.md]` prints a line of JSON with what came of it.

use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let file = args.next().ok_or("usage: convert FILE [OUT.md]")?;
    let name = std::path::Path::new(&file).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let bytes = std::fs::read(&file)?;
    let start = Instant::now();
    let result = markdown_conversion::convert(&bytes, &name, "", &mut |_, _| {});
    let seconds = start.elapsed().as_secs_f64();
    let line = match &result {
        Ok(done) => serde_json::json!({
            "file": name, "code": "OK", "format": done.format.name(), "pages": done.page_count(),
            "bytes": done.markdown.len(), "encoding": done.encoding, "warnings": done.warnings,
            "headings": done.markdown.lines().filter(|line| line.starts_with('#')).count(),
            "table_rows": done.markdown.lines().filter(|line| line.starts_with('|')).count(),
            "properties": done.properties, "seconds": seconds,
        }),
        Err(failure) => serde_json::json!({
            "file": name, "code": failure.code, "message": failure.message, "seconds": seconds,
        }),
    };
    println!("{line}");
    if let (Ok(done), Some(out)) = (result, args.next()) {
        std::fs::write(out, done.markdown)?;
    }
    Ok(())
}
