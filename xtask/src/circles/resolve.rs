//! Which file takes which names from which other file of its crate.

use super::module::{Import, Module};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Names that a file takes from another, by both.
pub type Uses = BTreeMap<(PathBuf, PathBuf), BTreeSet<String>>;

/// Longest chain of `pub use` that is followed: more is a loop.
const CHAIN_MAX: usize = 16;

/// The uses between the files of a crate. A name counts for the file that defines it, through whatever `pub use` it comes.
pub fn uses(root: &Module) -> Uses {
    let mut found = Uses::new();
    Crate { root }.collect(root, &mut Vec::new(), &mut found);
    found
}

struct Crate<'a> {
    root: &'a Module,
}

/// What a path leads to.
enum Target<'a> {
    Module(Vec<String>),
    Item { file: &'a Path, name: String },
}

impl<'a> Crate<'a> {
    fn collect(&self, module: &Module, place: &mut Vec<String>, found: &mut Uses) {
        let mut add = |target: Option<Target<'_>>| {
            if let Some(Target::Item { file, name }) = target
                && file != module.file
            {
                found.entry((module.file.clone(), file.into())).or_default().insert(name);
            }
        };
        for import in &module.imports {
            if import.name == "*" {
                for name in &module.idents {
                    add(self.named_by_all(place, import, name));
                }
            } else if !import.is_handed_on || module.idents.contains(&import.name) {
                add(self.follow(place, &import.path, CHAIN_MAX));
            }
        }
        for path in &module.paths {
            add(self.follow(place, path, CHAIN_MAX));
        }
        for (name, child) in &module.children {
            place.push(name.clone());
            self.collect(child, place, found);
            place.pop();
        }
    }

    fn module(&self, place: &[String]) -> Option<&'a Module> {
        place.iter().try_fold(self.root, |module, name| module.children.get(name))
    }

    /// What a path, written in the module at `place`, leads to; none for other crates.
    fn follow(&self, place: &[String], path: &[String], left: usize) -> Option<Target<'a>> {
        let (first, mut rest) = path.split_first()?;
        let mut at = match first.as_str() {
            "crate" => vec![],
            "self" => place.to_vec(),
            "super" => {
                let mut at = place.split_last()?.1.to_vec();
                while rest.first().is_some_and(|part| part == "super") {
                    at.pop()?;
                    rest = &rest[1..];
                }
                at
            }
            _ => match self.name(place, first, left)? {
                Target::Module(at) => at,
                item => return Some(item),
            },
        };
        for part in rest {
            match self.name(&at, part, left).or_else(|| self.generated(&at, part))? {
                Target::Module(next) => at = next,
                item => return Some(item),
            }
        }
        Some(Target::Module(at))
    }

    /// What a name means in the module at `place`.
    fn name(&self, place: &[String], name: &str, left: usize) -> Option<Target<'a>> {
        let module = self.module(place)?;
        let left = left.checked_sub(1)?;
        if module.children.contains_key(name) {
            return Some(Target::Module([place, &[name.to_owned()]].concat()));
        }
        if module.items.contains(name) {
            return Some(Target::Item { file: &module.file, name: name.to_owned() });
        }
        // `use a::a` would lead to itself.
        let is_own = |import: &Import| import.path.len() == 1 && import.path[0] == name;
        if let Some(import) = module.imports.iter().find(|import| import.name == name && !is_own(import)) {
            return self.follow(place, &import.path, left);
        }
        let mut all = module.imports.iter().filter(|import| import.name == "*" && import.is_handed_on);
        all.find_map(|import| self.through(place, import, name, left))
    }

    /// An item that a macro makes: a module is asked for a name that it neither writes nor imports.
    fn generated(&self, place: &[String], name: &str) -> Option<Target<'a>> {
        let module = self.module(place)?;
        let is_imported = |import: &Import| import.name == name || import.name == "*" && import.is_handed_on;
        let is_made = !module.imports.iter().any(is_imported);
        is_made.then(|| Target::Item { file: &module.file, name: name.to_owned() })
    }

    /// What a name means where all names of a module are imported.
    fn named_by_all(&self, place: &[String], import: &Import, name: &str) -> Option<Target<'a>> {
        let own = self.module(place)?;
        let is_own = own.items.contains(name)
            || own.children.contains_key(name)
            || own.imports.iter().any(|import| import.name == name);
        if is_own { None } else { self.through(place, import, name, CHAIN_MAX) }
    }

    fn through(&self, place: &[String], import: &Import, name: &str, left: usize) -> Option<Target<'a>> {
        match self.follow(place, &import.path, left)? {
            Target::Module(at) => self.name(&at, name, left),
            Target::Item { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::circles::module::read;

    /// Uses of a crate of these files, as `FILE FILE: NAMES`.
    fn uses_of(files: &[(&str, &str)]) -> Vec<String> {
        let folder = std::env::temp_dir().join(format!("morag-circles-{}-{:p}", std::process::id(), files));
        for (name, source) in files {
            let file = folder.join(name);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, source).unwrap();
        }
        let found = uses(&read(&folder.join("lib.rs")).unwrap());
        let name = |path: &Path| path.strip_prefix(&folder).unwrap().display().to_string();
        let line = |((from, to), names): (&(PathBuf, PathBuf), &BTreeSet<String>)| {
            format!("{} {}: {}", name(from), name(to), names.iter().cloned().collect::<Vec<_>>().join(" "))
        };
        let lines = found.iter().map(line).collect();
        std::fs::remove_dir_all(&folder).unwrap();
        lines
    }

    #[test]
    fn a_name_counts_for_the_file_that_defines_it() {
        let files = [
            ("lib.rs", "mod a;\nmod b;\npub use a::Thing;"),
            ("a/mod.rs", "mod deep;\npub use deep::*;"),
            ("a/deep.rs", "pub struct Thing;\npub fn other() {}"),
            ("b.rs", "use crate::Thing;\nfn f(_: Thing) { super::a::other() }"),
        ];
        assert_eq!(uses_of(&files), ["b.rs a/deep.rs: Thing other"]);
    }

    #[test]
    fn a_parent_that_only_hands_on_uses_nothing() {
        let child = ("a/child.rs", "use super::Shared;\npub struct Part(Shared);");
        let handed_on =
            [("lib.rs", "mod a;"), ("a/mod.rs", "mod child;\npub use child::Part;\npub struct Shared;"), child];
        assert_eq!(uses_of(&handed_on), ["a/child.rs a/mod.rs: Shared"]);
        let used = [
            ("lib.rs", "mod a;"),
            ("a/mod.rs", "mod child;\npub use child::Part;\npub struct Shared;\npub struct Whole(Part);"),
            child,
        ];
        assert_eq!(uses_of(&used), ["a/child.rs a/mod.rs: Shared", "a/mod.rs a/child.rs: Part"]);
    }

    #[test]
    fn what_a_macro_makes_counts_for_the_module_that_calls_it() {
        let files = [
            ("lib.rs", "mod a;\nmod b;"),
            ("a.rs", "numbers! { ONE }\npub use std::fmt::Debug;\nfn f() { super::b::g() }"),
            ("b.rs", "use super::a::{Debug, ONE};\npub fn g() { ONE }"),
        ];
        assert_eq!(uses_of(&files), ["a.rs b.rs: g", "b.rs a.rs: ONE"]);
    }

    #[test]
    fn all_names_of_a_module_count_where_they_are_mentioned() {
        let files = [
            ("lib.rs", "mod a;\npub struct Here;\npub struct Unused;"),
            ("a.rs", "use super::*;\nuse std::fmt;\nfn f(_: Here) -> fmt::Result { Ok(()) }"),
        ];
        assert_eq!(uses_of(&files), ["a.rs lib.rs: Here"]);
    }

    #[test]
    fn an_imported_module_counts_by_what_is_taken_from_it() {
        let files = [
            ("lib.rs", "mod a;\nmod b;\nmod c;"),
            ("a.rs", "use super::{b, c};\nfn f() { b::g(); c::inner::h(); }"),
            ("b.rs", "pub fn g() {}"),
            ("c.rs", "pub mod inner { pub fn h() { super::super::a::f() } }"),
        ];
        assert_eq!(uses_of(&files), ["a.rs b.rs: g", "a.rs c.rs: h", "c.rs a.rs: f"]);
    }
}
