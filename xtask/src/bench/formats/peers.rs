//! Other converters, in the same run: markitdown and kreuzberg by `benches/formats/peers.py`, and pandoc.
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::limited::{self, Ended, Limits};
use crate::shell;
use crate::toolchain::debian;
use crate::venv::Venv;
use crate::workspace::Workspace;

/// The packages, with what they need for the formats that are measured.
const PACKAGES: Venv = Venv {
    folder: "bench-formats",
    requirements: "benches/formats/requirements.txt",
    proof: &["-c", "import kreuzberg, mammoth, markitdown, openpyxl, pptx, xlrd"],
};
/// Says the version of a package.
const VERSION: &str = "import importlib.metadata, sys; print(importlib.metadata.version(sys.argv[1]))";
/// The exit status of the script for a format that is not taken.
const NOT_TAKEN: i32 = 3;
const PANDOC: &str = "pandoc";

/// A peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// Microsoft's, in Python.
    Markitdown,
    /// In Rust, used from Python.
    Kreuzberg,
    /// In Haskell.
    Pandoc,
}

impl Peer {
    /// All of them, in the order of the table.
    pub const ALL: [Self; 3] = [Self::Markitdown, Self::Kreuzberg, Self::Pandoc];

    /// Its name: of the package, and in the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Markitdown => "markitdown",
            Self::Kreuzberg => "kreuzberg",
            Self::Pandoc => PANDOC,
        }
    }
}

/// What a peer gave.
#[derive(Debug)]
pub enum Gave {
    /// A markdown.
    Markdown(String),
    /// Nothing, and why.
    Failed(String),
    /// Nothing: it says that it does not take the format.
    NotTaken,
}

/// The peers as they are installed.
pub struct Peers {
    /// The interpreter that has the packages.
    pub python: PathBuf,
    script: PathBuf,
    /// What pandoc reads.
    pandoc_formats: Vec<String>,
}

impl Peers {
    /// Installs what is missing.
    pub fn ensure(workspace: &Workspace) -> Result<Self> {
        let python = PACKAGES.ensure(workspace)?.join("python");
        if !shell::have(PANDOC) {
            debian::install(&[PANDOC]).context("pandoc is one of the peers")?;
        }
        let formats = shell::read(&mut shell::program(PANDOC, &["--list-input-formats"]))?;
        let script = workspace.root.join("benches/formats/peers.py");
        Ok(Self { python, script, pandoc_formats: formats.lines().map(str::to_owned).collect() })
    }

    /// Name and version of a peer.
    pub fn version(&self, peer: Peer) -> Result<String> {
        if peer == Peer::Pandoc {
            let text = shell::read(&mut shell::program(PANDOC, &["--version"]))?;
            return Ok(text.lines().next().unwrap_or_default().to_owned());
        }
        let python = self.python.display().to_string();
        let version = shell::read(&mut shell::program(&python, &["-I", "-c", VERSION, peer.name()]))?;
        Ok(format!("{} {version}", peer.name()))
    }

    /// Has a peer convert a document. `folder` is for temporary files.
    pub fn convert(&self, peer: Peer, path: &Path, format: &str, limits: Limits, folder: &Path) -> Result<Gave> {
        let mut command = if peer == Peer::Pandoc {
            if !self.pandoc_formats.iter().any(|known| known == format) {
                return Ok(Gave::NotTaken);
            }
            shell::program(PANDOC, &["--to", "gfm", "--wrap", "none", "--from", format])
        } else {
            let mut command = shell::program(&self.python.display().to_string(), &["-I", "-B"]);
            command.arg(&self.script).arg(peer.name());
            command
        };
        let ended = limited::run(command.arg(path), limits, &folder.join(peer.name()))?;
        Ok(match ended {
            Ended::Output(markdown) => Gave::Markdown(markdown),
            Ended::Failed(Some(NOT_TAKEN), _) if peer != Peer::Pandoc => Gave::NotTaken,
            Ended::Failed(_, reason) => Gave::Failed(reason),
        })
    }
}
