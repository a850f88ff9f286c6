//! Finds the component files of a worker without reading them.

use anyhow::Context as _;
use morag_core::plugin::{PluginSource, Seen, Stamp};
use morag_engine::config::ConfiguredPlugin;
use morag_engine::plugins::{Slot, slots};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// Most components in the plugins folder: far more than a server has steps.
const FILES_MAX: usize = 1000;

/// Finds the plugin slots of the configuration and the folder, and the size, time and inode of their files.
///
/// # Errors
/// The plugins folder cannot be read, or has more than [`FILES_MAX`] components.
pub(super) async fn scan(
    tables: &[ConfiguredPlugin],
    folder: &Path,
) -> anyhow::Result<(Vec<Slot>, BTreeMap<PathBuf, Seen>)> {
    let (tables, folder) = (tables.to_vec(), folder.to_owned());
    let scanned = tokio::task::spawn_blocking(move || {
        let mut files = components(&folder)?;
        let sources: BTreeSet<_> = tables.iter().filter_map(source_file).collect();
        // A file in the folder that a table names as its source belongs to that table.
        files.retain(|file| file.canonicalize().map_or(true, |file| !sources.contains(&file)));
        let slots = slots(&tables, &folder, &files);
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
    scanned.await?
}

/// The canonical path of the file that a table names.
fn source_file(table: &ConfiguredPlugin) -> Option<PathBuf> {
    match table.source.as_ref()? {
        PluginSource::File(path) => path.canonicalize().ok(),
        PluginSource::Registry(_) => None,
    }
}

/// The components of the plugins folder, sorted by name. Regular files only: opening a pipe or a device may block forever.
fn components(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let unusable = || format!("the plugins folder {} cannot be read: set MORAG_PLUGINS_DIR", folder.display());
    let entries = std::fs::read_dir(folder).with_context(unusable)?;
    let paths = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>();
    let mut paths = paths.with_context(unusable)?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "wasm") && path.is_file());
    paths.sort();
    anyhow::ensure!(paths.len() <= FILES_MAX, "{} has more than {FILES_MAX} components", folder.display());
    Ok(paths)
}

fn stamp(path: &Path) -> Option<Stamp> {
    use std::os::unix::fs::MetadataExt as _;
    let meta = std::fs::metadata(path).ok().filter(|meta| meta.is_file())?;
    let modified = meta.modified().ok()?;
    let since = modified.duration_since(UNIX_EPOCH).map(|since| since.as_nanos() as i128);
    let modified_ns = since.unwrap_or_else(|before| -(before.duration().as_nanos() as i128));
    Some(Stamp { size: meta.len(), modified_ns, inode: meta.ino() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use morag_core::plugin::Grant;
    use morag_engine::config::ConfiguredPlugin;

    #[tokio::test]
    async fn a_tables_file_in_the_folder_has_one_slot_and_a_pipe_none() {
        let folder = tempfile::tempdir().unwrap();
        let (folder, file) = (folder.path(), folder.path().join("redact-1.2.wasm"));
        for file in [&file, &folder.join("other.wasm")] {
            std::fs::write(file, "wasm").unwrap();
        }
        std::os::unix::fs::symlink("redact-1.2.wasm", folder.join("latest.wasm")).unwrap();
        let made = std::process::Command::new("mkfifo").arg(folder.join("pipe.wasm")).status();
        assert!(made.unwrap().success());
        std::fs::create_dir(folder.join("folder.wasm")).unwrap();
        let table = ConfiguredPlugin {
            name: "redact".into(),
            source: Some(PluginSource::File(folder.join(".").join("redact-1.2.wasm"))),
            sha256: None,
            public_key: None,
            lists_capabilities: false,
            limits_wall_time: false,
            limits_cpu_time: false,
            grant: Grant::default(),
        };
        let (slots, seen) = scan(&[table], folder).await.unwrap();
        let names: Vec<_> = slots.iter().map(|slot| slot.name.as_str()).collect();
        assert_eq!((names, seen.len()), (vec!["redact", "other"], 2));
    }
}
