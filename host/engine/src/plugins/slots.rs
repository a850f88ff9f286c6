//! Sources and grants of components: the tables of `morag.toml`, and the files of the plugins folder.

use crate::config::ConfiguredPlugin;
use morag_core::plugin::{Grant, PluginSource};
use morag_core::ports::ComponentWish;
use std::path::{Path, PathBuf};

/// A slot for one component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// Its name: that of the table, or of the file without `.wasm`.
    pub name: String,
    /// The source, and the digest or signature that is required.
    pub wish: ComponentWish,
    /// Its grant.
    pub grant: Grant,
    /// Whether `morag.toml` has a table for it: then the component must exist and have that name.
    pub is_listed: bool,
}

impl Slot {
    /// Its file, if the source is one.
    pub fn file(&self) -> Option<&Path> {
        match &self.wish.source {
            PluginSource::File(path) => Some(path),
            PluginSource::Registry(_) => None,
        }
    }

    /// Whether its file's name is UTF-8, so that it can be shown and compared.
    pub fn check_file_name(&self) -> Result<(), String> {
        match self.file().and_then(Path::file_name).is_some_and(|name| name.to_str().is_none()) {
            true => Err("the name of its file is not UTF-8: rename the file to the component's name".into()),
            false => Ok(()),
        }
    }

    /// Whether a component with the name in its descriptor may be in this slot. It may not take the name of another table: it would run
    /// with that table's grant without the checks that the table requires.
    pub fn check_name(&self, said: &str, tables: &[ConfiguredPlugin]) -> Result<(), String> {
        if said == self.name || (!self.is_listed && tables.iter().all(|table| table.name != said)) {
            return Ok(());
        }
        Err(match self.is_listed {
            true => {
                format!("its descriptor says that its name is {said:?}; its table in morag.toml says {:?}", self.name)
            }
            false => {
                format!(
                    "its descriptor says that its name is {said:?}, which has a table in morag.toml: name its file {said}.wasm"
                )
            }
        })
    }
}

/// The slots: one for each table, and one for each file of the folder that no table covers.
pub fn slots(tables: &[ConfiguredPlugin], folder: &Path, files: &[PathBuf]) -> Vec<Slot> {
    let listed = tables.iter().map(|table| {
        let of_folder = || PluginSource::File(folder.join(format!("{}.wasm", table.name)));
        let mut grant = table.grant.clone();
        if !table.lists_capabilities && table.source.is_none() {
            let standard = Grant::standard(&table.name);
            grant.capabilities = standard.capabilities;
            if !table.limits_wall_time {
                grant.limits.wall_time_max = standard.limits.wall_time_max;
            }
            if !table.limits_cpu_time {
                grant.limits.cpu_time_max = standard.limits.cpu_time_max;
            }
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
        is_free.then(|| Slot { grant: Grant::standard(&name), name, wish, is_listed: false })
    });
    listed.chain(found).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use morag_core::plugin::{Capability, Limits};

    fn table(name: &str, source: Option<&str>) -> ConfiguredPlugin {
        ConfiguredPlugin {
            name: name.into(),
            source: source.map(|source| source.parse().unwrap()),
            sha256: None,
            public_key: None,
            lists_capabilities: false,
            limits_wall_time: false,
            limits_cpu_time: false,
            grant: Grant::default(),
        }
    }

    fn found(tables: &[ConfiguredPlugin], files: &[&str]) -> Vec<Slot> {
        let files: Vec<_> = files.iter().map(|file| Path::new("p").join(file)).collect();
        slots(tables, Path::new("p"), &files)
    }

    #[test]
    fn only_standard_components_have_capabilities_without_a_table() {
        let slots = found(&[], &["chunking.wasm", "ingestion.wasm"]);
        assert_eq!(slots[0].grant, Grant::default());
        assert_eq!(slots[1].grant, Grant::of([Capability::Embeddings, Capability::Vectors, Capability::Graph]));
        assert_eq!(
            found(&[table("ingestion", None)], &["ingestion.wasm"])[0].grant,
            Grant::of([Capability::Embeddings, Capability::Vectors, Capability::Graph])
        );
        assert_eq!(found(&[table("ingestion", Some("x.wasm"))], &[])[0].grant, Grant::default());
        let emptied = ConfiguredPlugin { lists_capabilities: true, ..table("ingestion", None) };
        assert_eq!(found(&[emptied], &["ingestion.wasm"])[0].grant, Grant::default());
    }

    #[test]
    fn a_step_that_waits_for_pictures_has_more_time_unless_its_table_says_otherwise() {
        let long = Limits::wall_time_default(&[Capability::Ocr].into());
        assert!(long > Limits::default().wall_time_max);
        let wall_time =
            |tables: &[ConfiguredPlugin]| found(tables, &["pdf_conversion.wasm"])[0].grant.limits.wall_time_max;
        assert_eq!(wall_time(&[]), long);
        assert_eq!(wall_time(&[table("pdf_conversion", None)]), long);
        let limited = ConfiguredPlugin { limits_wall_time: true, ..table("pdf_conversion", None) };
        assert_eq!(wall_time(&[limited]), Limits::default().wall_time_max);
        assert_eq!(found(&[], &["chunking.wasm"])[0].grant.limits, Limits::default());
    }

    #[test]
    fn a_step_with_documents_inside_its_own_has_more_processor_time_unless_its_table_says_otherwise() {
        let long = Limits::cpu_time_default(&[Capability::Conversion].into());
        assert!(long > Limits::default().cpu_time_max);
        let cpu_time = |table| found(&[table], &["archive_conversion.wasm"])[0].grant.limits.cpu_time_max;
        assert_eq!(found(&[], &["archive_conversion.wasm"])[0].grant.limits.cpu_time_max, long);
        assert_eq!(cpu_time(table("archive_conversion", None)), long);
        let limited = ConfiguredPlugin { limits_cpu_time: true, ..table("archive_conversion", None) };
        assert_eq!(cpu_time(limited), Limits::default().cpu_time_max);
        assert_eq!(found(&[], &["pdf_conversion.wasm"])[0].grant.limits.cpu_time_max, Limits::default().cpu_time_max);
    }

    #[test]
    fn a_table_replaces_the_entry_of_its_file() {
        let slots = found(&[table("redact", Some("steps/r.wasm"))], &["redact.wasm", "other.wasm"]);
        let files: Vec<_> = slots.iter().map(|slot| slot.file().unwrap().to_owned()).collect();
        assert_eq!(files, [Path::new("steps/r.wasm"), Path::new("p/other.wasm")]);
        let slots = found(&[table("redact", None)], &[]);
        assert_eq!(slots[0].file(), Some(Path::new("p/redact.wasm")), "its absence is reported when it is read");
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
    fn a_component_cannot_take_the_name_of_another() {
        let tables = [table("redact", None)];
        let slots = found(&tables, &["redact.wasm", "evil.wasm"]);
        assert!(slots[0].check_name("redact", &tables).is_ok());
        assert!(slots[0].check_name("evil", &tables).unwrap_err().contains("\"redact\""));
        assert!(slots[1].check_name("redact", &tables).unwrap_err().contains("redact.wasm"));
        assert!(slots[1].check_name("whatever", &tables).is_ok(), "it has no capabilities anyway");
    }
}
