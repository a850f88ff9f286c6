//! Where components come from, and what each may do: the tables of `morag.toml`, and the files of the plugins folder.

use crate::config::ConfiguredPlugin;
use morag_core::plugin::{Capability, Grant, PluginSource};
use morag_core::ports::ComponentWish;
use std::path::{Path, PathBuf};

/// What the standard step that stores may use without a table.
const INGESTION: (&str, [Capability; 3]) =
    ("ingestion", [Capability::Embeddings, Capability::Vectors, Capability::Graph]);

/// A place for one component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// Its name: that of its table, or of its file without `.wasm`.
    pub name: String,
    /// Where it is and what must hold of it.
    pub wish: ComponentWish,
    /// What it may do.
    pub grant: Grant,
    /// Whether `morag.toml` has a table of it, so that it must be there and have that name.
    pub is_listed: bool,
}

impl Slot {
    /// Its file, if it comes from one.
    pub fn file(&self) -> Option<&Path> {
        match &self.wish.source {
            PluginSource::File(path) => Some(path),
            PluginSource::Registry(_) => None,
        }
    }

    /// Whether its file's name can be told to people and compared with others.
    pub fn check_file_name(&self) -> Result<(), String> {
        match self.file().and_then(Path::file_name).is_some_and(|name| name.to_str().is_none()) {
            true => {
                Err("the name of its file is not UTF-8: rename the file to what the component says its name is".into())
            }
            false => Ok(()),
        }
    }

    /// Whether a component of the name that it says it has may be here: not in the place of another, by whose rights it would
    /// run without having been checked as that must be.
    pub fn check_name(&self, said: &str, tables: &[ConfiguredPlugin]) -> Result<(), String> {
        if said == self.name || (!self.is_listed && tables.iter().all(|table| table.name != said)) {
            return Ok(());
        }
        Err(match self.is_listed {
            true => format!("it says that its name is {said:?}; its table in morag.toml says {:?}", self.name),
            false => {
                format!("it says that its name is {said:?}, of which morag.toml has a table: name its file {said}.wasm")
            }
        })
    }
}

/// The places: one for each table, and one for each file of the folder that no table names.
pub fn slots(tables: &[ConfiguredPlugin], folder: &Path, files: &[PathBuf]) -> Vec<Slot> {
    let listed = tables.iter().map(|table| {
        let of_folder = || PluginSource::File(folder.join(format!("{}.wasm", table.name)));
        let mut grant = table.grant.clone();
        if !table.lists_capabilities && table.source.is_none() {
            grant.capabilities = standard(&table.name).capabilities;
        }
        let wish = ComponentWish {
            source: table.source.clone().unwrap_or_else(of_folder),
            sha256: table.sha256.clone(),
            public_key: table.public_key.clone(),
        };
        Slot { name: table.name.clone(), wish, grant, is_listed: true }
    });
    let found = files.iter().filter_map(|file| {
        let name = file.file_stem()?.to_string_lossy().into_owned();
        let wish = ComponentWish { source: PluginSource::File(file.clone()), sha256: None, public_key: None };
        let is_free = tables.iter().all(|table| table.name != name);
        is_free.then(|| Slot { grant: standard(&name), name, wish, is_listed: false })
    });
    listed.chain(found).collect()
}

/// What a component of the plugins folder may do without a table.
fn standard(name: &str) -> Grant {
    match name == INGESTION.0 {
        true => Grant::of(INGESTION.1),
        false => Grant::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(name: &str, source: Option<&str>) -> ConfiguredPlugin {
        ConfiguredPlugin {
            name: name.into(),
            source: source.map(|source| source.parse().unwrap()),
            sha256: None,
            public_key: None,
            lists_capabilities: false,
            grant: Grant::default(),
        }
    }

    fn found(tables: &[ConfiguredPlugin], files: &[&str]) -> Vec<Slot> {
        let files: Vec<_> = files.iter().map(|file| Path::new("p").join(file)).collect();
        slots(tables, Path::new("p"), &files)
    }

    #[test]
    fn only_ingestion_of_the_folder_gets_anything_by_itself() {
        let slots = found(&[], &["chunking.wasm", "ingestion.wasm"]);
        assert_eq!(slots[0].grant, Grant::default());
        assert_eq!(slots[1].grant, Grant::of(INGESTION.1));
        assert_eq!(found(&[table("ingestion", None)], &["ingestion.wasm"])[0].grant, Grant::of(INGESTION.1));
        assert_eq!(found(&[table("ingestion", Some("x.wasm"))], &[])[0].grant, Grant::default());
        let emptied = ConfiguredPlugin { lists_capabilities: true, ..table("ingestion", None) };
        assert_eq!(found(&[emptied], &["ingestion.wasm"])[0].grant, Grant::default());
    }

    #[test]
    fn a_table_stands_in_place_of_the_folders_file() {
        let slots = found(&[table("redact", Some("steps/r.wasm"))], &["redact.wasm", "other.wasm"]);
        let files: Vec<_> = slots.iter().map(|slot| slot.file().unwrap().to_owned()).collect();
        assert_eq!(files, [Path::new("steps/r.wasm"), Path::new("p/other.wasm")]);
        let slots = found(&[table("redact", None)], &[]);
        assert_eq!(slots[0].file(), Some(Path::new("p/redact.wasm")), "missed when it is read");
    }

    #[test]
    fn a_file_name_that_cannot_be_shown_is_refused() {
        use std::os::unix::ffi::OsStrExt as _;
        let file = Path::new("p").join(std::ffi::OsStr::from_bytes(b"caf\xe9.wasm"));
        let slots = slots(&[], Path::new("p"), &[file, "p/caf\u{e9}.wasm".into()]);
        assert!(slots[0].check_file_name().unwrap_err().contains("UTF-8"));
        assert!(slots[1].check_file_name().is_ok());
    }

    #[test]
    fn no_component_comes_in_under_the_name_of_another() {
        let tables = [table("redact", None)];
        let slots = found(&tables, &["redact.wasm", "evil.wasm"]);
        assert!(slots[0].check_name("redact", &tables).is_ok());
        assert!(slots[0].check_name("evil", &tables).unwrap_err().contains("\"redact\""));
        assert!(slots[1].check_name("redact", &tables).unwrap_err().contains("redact.wasm"));
        assert!(slots[1].check_name("whatever", &tables).is_ok(), "it may do nothing anyway");
    }
}
