//! A crate's modules, as their files are written: what each defines, imports and mentions.

use super::tokens::{Token, tokens};
use anyhow::{Context as _, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A module with those in it.
#[derive(Debug, Default)]
pub struct Module {
    /// The file that it is written in.
    pub file: PathBuf,
    /// Modules in it, by name.
    pub children: BTreeMap<String, Module>,
    /// Names of the items that it defines.
    pub items: BTreeSet<String>,
    /// What it imports.
    pub imports: Vec<Import>,
    /// Paths of more than one part outside of imports.
    pub paths: BTreeSet<Vec<String>>,
    /// Identifiers outside of imports.
    pub idents: BTreeSet<String>,
}

/// One name that a `use` brings, or all names of a module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// The path, as it is written.
    pub path: Vec<String>,
    /// What it is called here; `*` for all names.
    pub name: String,
    /// Whether it is handed on (`pub use`, `pub(crate) use`).
    pub is_handed_on: bool,
}

/// Reads the modules of a crate from its root file on. Code that is built for tests alone is left out.
pub fn read(root: &Path) -> Result<Module> {
    let folder = root.parent().context("a file is in a folder")?;
    read_file(root, folder)
}

/// `folder`: where the files of its modules are.
fn read_file(file: &Path, folder: &Path) -> Result<Module> {
    let source = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let tokens = tokens(&source);
    let mut module = Module { file: file.into(), ..Module::default() };
    let mut reader = Reader { tokens: &tokens, at: 0, file };
    reader.module(&mut module, folder)?;
    Ok(module)
}

struct Reader<'a> {
    tokens: &'a [Token],
    at: usize,
    file: &'a Path,
}

/// What the attributes before an item say.
#[derive(Default)]
struct Attributes {
    is_test: bool,
    path: Option<String>,
}

impl Reader<'_> {
    fn peek(&self, ahead: usize) -> Option<&Token> {
        self.tokens.get(self.at + ahead)
    }

    fn is_mark(&self, ahead: usize, mark: char) -> bool {
        self.peek(ahead) == Some(&Token::Mark(mark))
    }

    fn ident(&self, ahead: usize) -> Option<&str> {
        match self.peek(ahead) {
            Some(Token::Ident(ident)) => Some(ident),
            _ => None,
        }
    }

    /// Reads up to the end of the module: of the file, or the brace that closes it.
    fn module(&mut self, module: &mut Module, folder: &Path) -> Result<()> {
        let (mut depth, mut handed_on) = (0_usize, false);
        let mut attributes = Attributes::default();
        while let Some(token) = self.peek(0) {
            match token {
                Token::Mark('#') if self.is_mark(1, '[') || self.is_mark(1, '!') && self.is_mark(2, '[') => {
                    self.attribute(&mut attributes);
                    if attributes.is_test {
                        self.skip_item();
                        attributes = Attributes::default();
                    }
                    continue;
                }
                Token::Mark('{') => depth += 1,
                Token::Mark('}') if depth == 0 => {
                    self.at += 1;
                    return Ok(());
                }
                Token::Mark('}') => depth -= 1,
                Token::Ident(word) => {
                    let before = self.at;
                    match word.as_str() {
                        "pub" => {
                            handed_on = true;
                            self.at += 1;
                            // `pub(crate)`, `pub(in path)`.
                            if self.is_mark(0, '(') && self.is_visibility() {
                                self.skip_group();
                            }
                        }
                        "use" => self.imports(module, std::mem::take(&mut handed_on)),
                        "mod" if self.ident(1).is_some() => {
                            self.child(module, folder, attributes.path.take())?;
                        }
                        _ => {
                            if depth == 0 {
                                module.items.extend(self.defined().map(str::to_owned));
                            }
                            self.path(module);
                        }
                    }
                    debug_assert!(self.at > before);
                    if !self.tokens[before].is("pub") {
                        handed_on = false;
                    }
                    attributes = Attributes::default();
                    continue;
                }
                _ => {}
            }
            self.at += 1;
        }
        Ok(())
    }

    fn is_visibility(&self) -> bool {
        self.ident(1).is_some_and(|word| matches!(word, "crate" | "super" | "self" | "in"))
    }

    /// The item that a keyword here defines.
    fn defined(&self) -> Option<&str> {
        match self.ident(0)? {
            "fn" | "struct" | "enum" | "trait" | "type" | "static" => self.ident(1).filter(|name| *name != "mut"),
            "const" => self.ident(1).filter(|name| !matches!(*name, "fn" | "unsafe" | "async" | "extern")),
            "macro_rules" => self.ident(2),
            _ => None,
        }
    }

    fn attribute(&mut self, attributes: &mut Attributes) {
        let start = self.at;
        while !self.is_mark(0, '[') {
            self.at += 1;
        }
        self.skip_group();
        let inner = &self.tokens[start..self.at];
        let position = |word: &str| inner.iter().position(|token| token.is(word));
        // `cfg(test)` and `cfg(all(test, …))`; not `cfg(not(test))`.
        let is_test = position("cfg").zip(position("test")).is_some_and(|(cfg, test)| cfg < test);
        attributes.is_test |= is_test && position("not").is_none();
        if let (Some(_), Some(Token::Text(path))) = (position("path"), inner.iter().rev().nth(1)) {
            attributes.path = Some(path.clone());
        }
    }

    /// Passes over a group in brackets that begins here.
    fn skip_group(&mut self) {
        let mut depth = 0_usize;
        while let Some(token) = self.peek(0) {
            match token {
                Token::Mark('(' | '[' | '{') => depth += 1,
                Token::Mark(')' | ']' | '}') => depth = depth.saturating_sub(1),
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return;
            }
        }
    }

    /// Passes over an item, a field or a statement.
    fn skip_item(&mut self) {
        while self.is_mark(0, '#') {
            self.attribute(&mut Attributes::default());
        }
        let ends_with_semicolon = (0..3).any(|ahead| {
            self.ident(ahead).is_some_and(|word| matches!(word, "use" | "static" | "const"))
                && self.ident(ahead + 1) != Some("fn")
        });
        while let Some(token) = self.peek(0) {
            match token {
                Token::Mark(';' | ',') => {
                    self.at += 1;
                    return;
                }
                // The end of the enclosing block.
                Token::Mark('}' | ')' | ']') => return,
                Token::Mark('{') if !ends_with_semicolon => return self.skip_group(),
                Token::Mark('(' | '[' | '{') => self.skip_group(),
                _ => self.at += 1,
            }
        }
    }

    fn child(&mut self, module: &mut Module, folder: &Path, path: Option<String>) -> Result<()> {
        let Some(name) = self.ident(1).map(str::to_owned) else { return Ok(()) };
        let below = folder.join(&name);
        self.at += 2;
        let child = if self.is_mark(0, '{') {
            self.at += 1;
            let mut child = Module { file: self.file.into(), ..Module::default() };
            self.module(&mut child, &below)?;
            child
        } else {
            match path {
                Some(path) => {
                    let file = self.file.parent().context("a file is in a folder")?.join(path);
                    read_file(&file, file.parent().context("a file is in a folder")?)?
                }
                None => {
                    let beside = folder.join(format!("{name}.rs"));
                    let file = if beside.exists() { beside } else { below.join("mod.rs") };
                    read_file(&file, &below)?
                }
            }
        };
        module.children.insert(name, child);
        Ok(())
    }

    /// A path, or one identifier, that begins here.
    fn path(&mut self, module: &mut Module) {
        let mut parts = Vec::new();
        while let Some(part) = self.ident(0).map(str::to_owned) {
            parts.push(part);
            self.at += 1;
            if self.peek(0) != Some(&Token::PathSeparator) || self.ident(1).is_none() {
                break;
            }
            self.at += 1;
        }
        module.idents.extend(parts.first().cloned());
        if parts.len() > 1 {
            module.paths.insert(parts);
        }
    }

    fn imports(&mut self, module: &mut Module, is_handed_on: bool) {
        self.at += 1;
        let mut found = Vec::new();
        self.tree(&mut Vec::new(), &mut found);
        module.imports.extend(found.into_iter().map(|(path, name)| Import { path, name, is_handed_on }));
    }

    /// A tree of imports: `a::{b, c as d, e::*}`.
    fn tree(&mut self, before: &mut Vec<String>, found: &mut Vec<(Vec<String>, String)>) {
        let depth = before.len();
        loop {
            match self.peek(0) {
                Some(Token::Ident(part)) => before.push(part.clone()),
                Some(Token::PathSeparator) => {}
                Some(Token::Mark('*')) => {
                    self.at += 1;
                    found.push((before.clone(), "*".into()));
                    break;
                }
                Some(Token::Mark('{')) => {
                    self.at += 1;
                    while !self.is_mark(0, '}') && self.peek(0).is_some() {
                        self.tree(before, found);
                        if self.is_mark(0, ',') {
                            self.at += 1;
                        }
                    }
                    self.at += 1;
                    break;
                }
                _ => {
                    // What stops it, such as `;`, is not of the tree; a part that cannot be read is passed over.
                    if before.len() == depth && !self.is_mark(0, '}') && !self.is_mark(0, ',') {
                        self.at += 1;
                    }
                    found.extend(leaf(before, depth));
                    break;
                }
            }
            self.at += 1;
        }
        before.truncate(depth);
    }
}

/// The import of a whole path.
fn leaf(parts: &[String], depth: usize) -> Option<(Vec<String>, String)> {
    if parts.len() == depth {
        return None;
    }
    let (path, name) = match parts {
        [path @ .., renamed, word, name] if word == "as" => ([path, std::slice::from_ref(renamed)].concat(), name),
        [.., name] => (parts.to_vec(), name),
        [] => return None,
    };
    // `a::{self}` is `a`.
    match path.split_last() {
        Some((last, path)) if last == "self" && !path.is_empty() => {
            let name = if name == "self" { path.last()? } else { name };
            Some((path.to_vec(), name.clone()))
        }
        _ => Some((path.clone(), name.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub fn parsed(source: &str) -> Module {
        let tokens = tokens(source);
        let mut module = Module::default();
        Reader { tokens: &tokens, at: 0, file: Path::new("a.rs") }.module(&mut module, Path::new("")).unwrap();
        module
    }

    #[test]
    fn imports_are_read_with_their_names() {
        let module = parsed("use a::{self, b::C, d::*, e as f};\npub(crate) use super::g;\nfn h() { use i::J; }");
        let imports: Vec<_> = module
            .imports
            .iter()
            .map(|import| format!("{} {} {}", import.path.join("::"), import.name, import.is_handed_on))
            .collect();
        assert_eq!(
            imports,
            ["a a false", "a::b::C C false", "a::d * false", "a::e f false", "super::g g true", "i::J J false"]
        );
    }

    #[test]
    fn items_and_paths_are_read_and_tests_left_out() {
        let source = "pub struct A(B);\nimpl A { const X: u8 = 1; fn y(&self) { c::d(); <E as f::G>::h() } }\n\
                      const I: u8 = 2;\nconst fn j() {}\nmacro_rules! k { () => { $crate::l::m } }\n\
                      #[cfg(test)]\nmod tests { use n::O; fn p() { q::r() } }\n\
                      #[cfg(test)]\nuse s::T;\n#[cfg(not(test))]\nfn u() {}\nmod v { struct W; }";
        let module = parsed(source);
        let items: Vec<_> = module.items.iter().map(String::as_str).collect();
        assert_eq!(items, ["A", "I", "j", "k", "u"]);
        let paths: Vec<_> = module.paths.iter().map(|path| path.join("::")).collect();
        assert_eq!(paths, ["c::d", "crate::l::m", "f::G"]);
        assert!(module.imports.is_empty() && module.children["v"].items.contains("W"));
    }
}
