//! `cargo xtask bench formats DIR`: how many of the words of office documents and books arrive in the markdown, beside other converters.
mod peers;
mod reference;
mod table;
mod words;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;
use indicatif::ProgressBar;

use crate::api::Client;
use crate::children;
use crate::documents::{self, End};
use crate::limited::Limits;
use crate::own_server::OwnServer;
use crate::profile::Profile;
use crate::server;
use crate::shell;
use crate::workspace::Workspace;
use peers::{Gave, Peer, Peers};
use reference::{Readers, Reference};
use table::{Outcome, Row};
use words::{Words, f1};

/// How many of the words of office documents and books arrive in the markdown, ours and that of other converters in the same run.
///
/// Sends every such document of a folder through a server of its own, and gives it to markitdown, kreuzberg and pandoc (that of PATH,
/// or Debian's, which is installed), each within 2 GiB. Compares the words of each markdown with those that a small Python script reads
/// out of the document itself, as bags of words: F1, 1 where they are the same. Documents that the script cannot read, because they are
/// damaged or encrypted, are left out and named. What rtf, doc, xls and ppt have is read from LibreOffice's conversion if `soffice` is
/// installed; otherwise they are left out.
#[derive(Args)]
pub struct Options {
    /// The folder; files in folders below it count too.
    folder: PathBuf,
    /// Print a line for each file too.
    #[arg(long)]
    files: bool,
    /// Seconds that each converter may take for a file.
    #[arg(long, default_value_t = 60)]
    limit: u64,
    /// Files at the same time.
    #[arg(long, default_value_t = 2)]
    concurrency: usize,
    /// Measure the server as it is shipped. No time is measured, so the quick build gives the same.
    #[arg(long)]
    release: bool,
    /// Use the components and the server as they were built before.
    #[arg(long)]
    no_build: bool,
}

/// What is measured, by the names of `morag_formats`.
const FORMATS: [&str; 11] = ["docx", "pptx", "xlsx", "epub", "rtf", "odt", "ods", "odp", "doc", "xls", "ppt"];
/// Address space of a peer or reader. Pandoc once took 22 GB for a sheet.
const MEMORY_BYTES_MAX: u64 = 2 << 30;
/// Our column.
const OURS: &str = "morag";
/// The code of a document that no converter of ours takes.
const UNSUPPORTED: &str = "UNSUPPORTED_FORMAT";

/// A document to be measured.
struct Document {
    path: PathBuf,
    name: String,
    format: &'static str,
}

/// A row of the table, or why there is none.
enum Measured {
    Row(Row),
    LeftOut(String),
}

/// Who takes part.
struct Bench<'a> {
    client: &'a Client,
    peers: &'a Peers,
    readers: &'a Readers,
    limits: Limits,
}

/// The command.
pub fn run(options: &Options) -> Result<()> {
    let documents = documents_of(&options.folder)?;
    let workspace = Workspace::find()?;
    let peers = Peers::ensure(&workspace)?;
    let readers = Readers::new(&workspace, &peers.python);
    let profile = if options.release { Profile::Release } else { Profile::Quick };
    if !options.no_build {
        server::build(&workspace, profile)?;
    }
    children::catch_stop()?;
    let server = OwnServer::start(&workspace, profile, "bench-formats", &[])?;
    let (documents, unread) = documents.into_iter().partition::<Vec<_>, _>(|file| readers.can_read(file.format));
    let versions = Peer::ALL.into_iter().map(|peer| peers.version(peer)).collect::<Result<Vec<_>>>()?;
    println!("== {} documents; {}; the server's log is {}", documents.len(), versions.join(", "), server.log.display());
    let limits = Limits { memory_bytes: MEMORY_BYTES_MAX, time: Duration::from_secs(options.limit) };
    let bench = Bench { client: &server.client, peers: &peers, readers: &readers, limits };
    let work = workspace.target.join("bench-formats-work");
    let progress = ProgressBar::new(documents.len() as u64);
    let numbered: Vec<_> = documents.iter().enumerate().collect();
    let measured = documents::each(numbered, options.concurrency, |(number, document)| {
        let measured = bench.measure(document, &work.join(number.to_string()));
        progress.inc(1);
        measured
    });
    progress.finish_and_clear();
    shell::remove_folder(&work)?;
    if children::stop_wanted() {
        bail!("stopped");
    }
    let (mut rows, mut left_out) = (Vec::new(), Vec::new());
    for measured in measured {
        match measured? {
            Measured::Row(row) => rows.push(row),
            Measured::LeftOut(why) => left_out.push(why),
        }
    }
    print(options, &rows, &left_out, &unread);
    server.end()
}

/// Files of the folder that are of a measured format, by their extensions.
fn documents_of(folder: &Path) -> Result<Vec<Document>> {
    // Some programs take a path that begins with a dash for an option.
    let folder = folder.canonicalize().with_context(|| format!("cannot read {}", folder.display()))?;
    let documents = documents::below(&folder)?.into_iter().filter_map(|path| {
        let format = morag_formats::by_extension(path.extension()?.to_str()?)?.name;
        let name = path.strip_prefix(&folder).unwrap_or(&path).display().to_string();
        FORMATS.contains(&format).then_some(Document { path, name, format })
    });
    let documents: Vec<_> = documents.collect();
    if documents.is_empty() {
        bail!("there is no document of {} in {}", FORMATS.join(", "), folder.display());
    }
    Ok(documents)
}

impl Bench<'_> {
    /// Has everybody convert a document, one after another. `folder` is for temporary files.
    fn measure(&self, document: &Document, folder: &Path) -> Result<Measured> {
        let Document { path, name, format } = document;
        let expected = match self.readers.read(path, format, self.limits, folder)? {
            Reference::Words(readings) => readings,
            Reference::None(why) => return Ok(Measured::LeftOut(format!("{name}: {why}"))),
        };
        let mut outcomes = vec![outcome(&expected, self.ours(path))];
        for peer in Peer::ALL {
            let gave = self.peers.convert(peer, path, format, self.limits, folder)?;
            outcomes.push(outcome(&expected, gave));
        }
        shell::remove_folder(folder)?;
        Ok(Measured::Row(Row { name: name.clone(), format, outcomes }))
    }

    fn ours(&self, path: &Path) -> Gave {
        let markdown = || -> Result<Gave> {
            let (end, task) = documents::send(self.client, path, self.limits.time)?;
            Ok(match (end, task) {
                (End::Completed, Some(task)) => {
                    let text = self.client.text_artifact(&task, "markdown.md")?;
                    Gave::Markdown(text.context("the task has no markdown")?)
                }
                (End::Failed(code), _) if code == UNSUPPORTED => Gave::NotTaken,
                (end, _) => Gave::Failed(end.to_string()),
            })
        };
        markdown().unwrap_or_else(|error| Gave::Failed(format!("{error:#}")))
    }
}

/// By the reading that suits the converter best.
fn outcome(expected: &[Words], gave: Gave) -> Outcome {
    match gave {
        Gave::Markdown(markdown) => {
            let found = Words::of_markdown(&markdown);
            Outcome::Words(expected.iter().map(|expected| f1(expected, &found)).fold(0.0, f64::max))
        }
        Gave::Failed(reason) => Outcome::Failed(reason),
        Gave::NotTaken => Outcome::NotTaken,
    }
}

fn print(options: &Options, rows: &[Row], left_out: &[String], unread: &[Document]) {
    let mut converters = vec![OURS];
    converters.extend(Peer::ALL.map(Peer::name));
    if options.files {
        println!("\n{}", table::by_file(&converters, rows));
    }
    println!("\nmean F1 of words\n{}", table::by_format(&converters, rows));
    let failures = table::failures(&converters, rows);
    if !failures.is_empty() {
        println!("failed, and counted as 0:\n{failures}");
    }
    if !left_out.is_empty() {
        println!("left out, because the document itself cannot be read:\n  {}", left_out.join("\n  "));
    }
    if !unread.is_empty() {
        let mut counts = BTreeMap::<_, usize>::new();
        unread.iter().for_each(|document| *counts.entry(document.format).or_default() += 1);
        let counts: Vec<_> = counts.iter().map(|(format, count)| format!("{count} {format}")).collect();
        println!("left out, because LibreOffice, which would read them, is not installed: {}", counts.join(", "));
    }
}
