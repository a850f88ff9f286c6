//! Zip archives: their documents in the order of their names.

use crate::assembly::{Assembly, clean_name};
use crate::failures::{nothing_converted, refused};
use morag_conversion::escape::push_heading;
use morag_conversion::failures::{self, SOURCE_BYTES_MAX};
use morag_conversion::{Converted, formats};
use morag_step::{Failure, Refused, Writer};
use std::io::{Cursor, Read};
use zip::{CompressionMethod, ZipArchive};

type Archive<'a> = ZipArchive<Cursor<&'a [u8]>>;

/// Entries of an archive, with folders and what is skipped. The list of a hundred thousand takes some 40 MiB.
const ENTRIES_MAX: usize = 100_000;
/// Documents that are converted; the rest is counted and said.
const DOCUMENTS_MAX: usize = 1_000;
/// Bytes of all documents, unpacked: eight times what a source may have.
const TOTAL_BYTES_MAX: u64 = 8 * SOURCE_BYTES_MAX;
/// How many times its size in the file a document may unpack to. Text packs 3 to 20 times; logs and tables of the same lines up to 100.
const RATIO_MAX: u64 = 250;
/// Up to here a document's ratio is not looked at: it cannot hurt.
const RATIO_FREE_BYTES: u64 = 16 << 20;
/// Bytes that are unpacked at once.
const PIECE_BYTES: usize = 256 << 10;
/// Folders that have headings of their own; those below are named in the last of them. A heading has six levels.
const FOLDERS_MAX: usize = 4;

/// A document of an archive.
struct Entry {
    index: usize,
    /// Folders and name.
    path: Vec<String>,
}

/// Converts the documents of an archive, each under a heading, below headings of its folders.
///
/// # Errors
/// `CORRUPT_DOCUMENT`, `DOCUMENT_TOO_LARGE`, `EMPTY_DOCUMENT` for no documents, `UNSUPPORTED_FORMAT` for an office document,
/// `NO_CONVERTIBLE_DOCUMENT` or the only document's own failure.
pub fn convert(bytes: &[u8], mut assembly: Assembly) -> Result<Converted, Failure> {
    // Each entry of the list has this mark, so there are not more entries than marks.
    if memchr::memmem::find_iter(bytes, b"PK\x01\x02").take(ENTRIES_MAX + 1).count() > ENTRIES_MAX {
        return Err(failures::too_large(format!("the archive has more than {ENTRIES_MAX} entries")));
    }
    let mut archive = Archive::new(Cursor::new(bytes)).map_err(|error| failures::corrupt(&formats::ZIP, error))?;
    if let Some(package) = package(&archive) {
        return Err(failures::unsupported(package));
    }
    let mut entries = entries(&mut archive);
    let all = entries.len();
    if all == 0 {
        return Err(failures::empty("the archive has no documents in it"));
    }
    entries.truncate(DOCUMENTS_MAX);
    let total = entries.len();
    let mut unpacked = 0;
    let mut folders: Vec<String> = Vec::new();
    for (position, entry) in entries.into_iter().enumerate() {
        let (name, path) = (entry.path.last().cloned().unwrap_or_default(), entry.path.join("/"));
        assembly.progress(position, total, &path);
        let outcome = match refusal(&archive, entry.index) {
            Some(refusal) => Err(refusal),
            None => {
                let media_type = formats::by_extension(&formats::extension(&name))
                    .map_or("application/octet-stream", |f| f.media_type());
                let mut reason = None;
                let written = assembly.convert_written(media_type, &name, |writer| {
                    reason = unpack(&mut archive, entry.index, &mut unpacked, writer)?;
                    // An error ends the file, and is replaced by its reason below.
                    reason.as_ref().map_or(Ok(()), |reason| Err(Failure::new(&reason.code, &*reason.message)))
                })?;
                reason.map_or(written, Err)
            }
        };
        let own = heading_folders(&entry.path);
        if outcome.is_ok() {
            push_folders(&mut assembly.markdown, &mut folders, &own);
        }
        assembly.push(outcome, own.len() + 1, &name, &path);
    }
    if assembly.parts.iter().all(|part| part.error_code.is_some()) {
        return Err(nothing_converted(&assembly.parts, &assembly.refusals));
    }
    if all > total {
        assembly.warnings.push(format!(
            "{} further documents of the archive are left out: at most {DOCUMENTS_MAX} are converted",
            all - total
        ));
    }
    Ok(assembly.finish(&formats::ZIP))
}

/// The usual extension of the office document that a zip is.
fn package(archive: &Archive) -> Option<&'static str> {
    archive.index_for_name("[Content_Types].xml")?;
    [("word/", "docx"), ("xl/", "xlsx"), ("ppt/", "pptx")].into_iter().find_map(|(folder, name)| {
        archive.file_names_raw().any(|file| file.starts_with(folder.as_bytes())).then_some(name)
    })
}

/// The documents by their names: without folders, links, and the files that systems put into archives for themselves.
fn entries(archive: &mut Archive) -> Vec<Entry> {
    let mut entries = Vec::new();
    for index in 0..archive.len() {
        let Ok(data) = archive.by_index_data(index) else { continue };
        if data.is_dir() || data.is_symlink() {
            continue;
        }
        // Many programs write UTF-8 without saying so; other names are in code page 437, as the format says.
        let name = match std::str::from_utf8(data.name_raw()) {
            Ok(name) => name.to_owned(),
            Err(_) => data
                .name()
                .map_or_else(|_| String::from_utf8_lossy(data.name_raw()).into_owned(), |name| name.into_owned()),
        };
        let path: Vec<String> = name
            .split(['/', '\\'])
            .filter(|part| !part.is_empty() && *part != ".")
            .map(|part| clean_name(part, "_"))
            .collect();
        let junk = path.iter().any(|part| part == "__MACOSX")
            || path.last().is_none_or(|name| matches!(name.as_str(), ".DS_Store" | "Thumbs.db" | "desktop.ini"));
        if !junk {
            entries.push(Entry { index, path });
        }
    }
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    entries
}

/// Why an entry is not unpacked, as its description says it.
fn refusal(archive: &Archive, index: usize) -> Option<Refused> {
    let data = archive.by_index_data(index).ok()?;
    if data.encrypted() {
        let message = "it is protected by a password. Remove the password, pack it again and submit that archive";
        return Some(refused("ENCRYPTED_DOCUMENT", message));
    }
    // That there is no decoder for a method, the library says only while it reads, and as of damage.
    if !matches!(data.compression(), CompressionMethod::Stored | CompressionMethod::Deflated) {
        let message =
            "it is packed by a method that is not supported. Pack it as usual (deflate) and submit that archive";
        return Some(refused("UNSUPPORTED_COMPRESSION", message));
    }
    let size = data.size();
    (size > SOURCE_BYTES_MAX).then(|| {
        refused("DOCUMENT_TOO_LARGE", format!("it has {size} bytes, and at most {SOURCE_BYTES_MAX} can be converted"))
    })
}

/// Unpacks an entry piece by piece. Sizes that the archive claims are not relied on.
fn unpack(
    archive: &mut Archive,
    index: usize,
    total: &mut u64,
    writer: &mut dyn Writer,
) -> Result<Option<Refused>, Failure> {
    let corrupt = |error: &dyn std::fmt::Display| {
        Ok(Some(refused("CORRUPT_DOCUMENT", format!("it cannot be unpacked ({error})"))))
    };
    let mut entry = match archive.by_index(index) {
        Ok(entry) => entry,
        Err(error) => return corrupt(&error),
    };
    let packed = entry.compressed_size();
    let mut piece = vec![0; PIECE_BYTES];
    let mut size = 0u64;
    loop {
        let read = match entry.read(&mut piece) {
            Ok(0) => return Ok(None),
            Ok(read) => read,
            Err(error) => return corrupt(&error),
        };
        size += read as u64;
        *total += read as u64;
        if size > SOURCE_BYTES_MAX
            || *total > TOTAL_BYTES_MAX
            || size > RATIO_FREE_BYTES.max(packed.saturating_mul(RATIO_MAX))
        {
            let message = format!(
                "it unpacks to more than is read: at most {SOURCE_BYTES_MAX} bytes a document, {TOTAL_BYTES_MAX} an archive, and \
                 {RATIO_MAX} times what it takes packed"
            );
            return Ok(Some(refused("DOCUMENT_TOO_LARGE", message)));
        }
        writer.write(&piece[..read])?;
    }
}

/// The folders of a path that have headings.
fn heading_folders(path: &[String]) -> Vec<String> {
    let folders = &path[..path.len().saturating_sub(1)];
    match folders.split_at_checked(FOLDERS_MAX - 1) {
        Some((own, rest)) if rest.len() > 1 => own.iter().cloned().chain([rest.join("/")]).collect(),
        _ => folders.to_vec(),
    }
}

/// Writes headings of the folders that are not those of the document before.
fn push_folders(markdown: &mut String, current: &mut Vec<String>, folders: &[String]) {
    let same = current.iter().zip(folders).take_while(|(a, b)| a == b).count();
    for (level, folder) in folders.iter().enumerate().skip(same) {
        push_heading(markdown, level + 1, folder);
    }
    *current = folders.to_vec();
}
