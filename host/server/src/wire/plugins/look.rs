//! Looks at the places of components without reading them.

use crate::config::ConfiguredPlugin;
use crate::plugins::{Slot, slots};
use anyhow::Context as _;
use morag_core::plugin::{Seen, Stamp};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// Files of the plugins folder that are looked at: far more than steps that a server can have.
const FILES_MAX: usize = 1000;

/// The places there are, and what can be seen of their files.
pub(super) async fn look(
    tables: &[ConfiguredPlugin],
    folder: &Path,
) -> anyhow::Result<(Vec<Slot>, BTreeMap<PathBuf, Seen>)> {
    let (tables, folder) = (tables.to_vec(), folder.to_owned());
    let looked = tokio::task::spawn_blocking(move || {
        let slots = slots(&tables, &folder, &components(&folder)?);
        let files = slots.iter().filter_map(|slot| Some((slot.file()?, slot.wish.public_key.is_some())));
        let seen = files.filter_map(|(path, is_signed)| {
            let mut signature = path.as_os_str().to_owned();
            signature.push(".minisig");
            let signature = is_signed.then(|| stamp(Path::new(&signature))).flatten();
            Some((path.to_owned(), (stamp(path)?, signature)))
        });
        let seen = seen.collect();
        Ok((slots, seen))
    });
    looked.await?
}

/// The components of the plugins folder, by name.
fn components(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let unusable = || format!("the plugins folder {} cannot be read: set MORAG_PLUGINS_DIR", folder.display());
    let entries = std::fs::read_dir(folder).with_context(unusable)?;
    let paths = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>();
    let mut paths = paths.with_context(unusable)?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "wasm"));
    paths.sort();
    anyhow::ensure!(paths.len() <= FILES_MAX, "{} has more than {FILES_MAX} components", folder.display());
    Ok(paths)
}

fn stamp(path: &Path) -> Option<Stamp> {
    use std::os::unix::fs::MetadataExt as _;
    let meta = std::fs::metadata(path).ok()?;
    let modified = meta.modified().ok()?;
    let since = modified.duration_since(UNIX_EPOCH).map(|since| since.as_nanos() as i128);
    let modified_ns = since.unwrap_or_else(|before| -(before.duration().as_nanos() as i128));
    Some(Stamp { size: meta.len(), modified_ns, inode: meta.ino() })
}
