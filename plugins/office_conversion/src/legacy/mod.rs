//! Documents of Office before 2007: streams of records within an OLE file.

mod doc;
mod ppt;
mod properties;
mod xls;

use morag_conversion::ole::Ole;
use morag_conversion::{Converted, Format, Options, failures, formats};
use morag_step::Failure;

/// Converts an OLE file. Sheets and slides are pages. `named` is the format that its name says.
///
/// # Errors
/// `ENCRYPTED_DOCUMENT`, `CORRUPT_DOCUMENT`, `DOCUMENT_TOO_LARGE`, `EMPTY_DOCUMENT`, `UNSUPPORTED_FORMAT` for one of another program.
pub fn convert(
    bytes: &[u8],
    named: Option<&'static Format>,
    extension: &str,
    options: &Options,
) -> Result<Converted, Failure> {
    let ole = match Ole::open(bytes) {
        Ok(ole) => ole,
        // Its directory may be damaged and still tell this.
        Err(_) if crate::package::is_encrypted(bytes) => return Err(failures::encrypted("Office document")),
        Err(reason) => return Err(failures::corrupt(named.unwrap_or(&formats::DOC), reason)),
    };
    if ole.has("/EncryptedPackage") {
        return Err(failures::encrypted("Office document"));
    }
    let (format, text) = if ole.has("/WordDocument") {
        (&formats::DOC, doc::convert(&ole).map(|markdown| (markdown, Vec::new(), Vec::new())))
    } else if let Some(name) = ["/Workbook", "/Book"].into_iter().find(|name| ole.has(name)) {
        (&formats::XLS, xls::convert(&ole, name, options))
    } else if ole.has("/PowerPoint Document") {
        (&formats::PPT, ppt::convert(&ole, options).map(|(markdown, pages)| (markdown, pages, Vec::new())))
    } else {
        return Err(failures::unsupported(if extension.is_empty() { "ole" } else { extension }));
    };
    let (markdown, pages, warnings) = text?;
    if markdown.trim().is_empty() {
        return Err(failures::empty("the document has no text"));
    }
    let properties = properties::read(&ole);
    Ok(Converted { properties, pages, warnings, ..Converted::without_pages(format, markdown) })
}
