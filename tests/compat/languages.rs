//! How a WIT function reads in the bindings that languages' tools make of it.
//!
//! Rust as `wit-bindgen` writes it, Python as `componentize-py`, JavaScript as `jco` types it.

use crate::package::{Package, plain_name};
use wit_parser::{Function, FunctionKind, Handle, Type, TypeDefKind};

/// A language.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Language {
    Rust,
    Python,
    JavaScript,
}

impl Language {
    pub const ALL: [Self; 3] = [Self::Rust, Self::Python, Self::JavaScript];

    pub fn name(self) -> &'static str {
        match self {
            Self::Rust => "Rust",
            Self::Python => "Python",
            Self::JavaScript => "JavaScript",
        }
    }
}

fn words(kebab: &str) -> impl Iterator<Item = String> {
    kebab.split('-').map(|word| word[..1].to_uppercase() + &word[1..])
}

/// The name of a type: `TaskInfo` in each of the three.
pub fn type_name(kebab: &str) -> String {
    words(kebab).collect()
}

/// The name of a function, parameter or field.
pub fn value_name(language: Language, kebab: &str) -> String {
    match language {
        Language::Rust | Language::Python => kebab.replace('-', "_"),
        Language::JavaScript => {
            let pascal = type_name(kebab);
            pascal[..1].to_lowercase() + &pascal[1..]
        }
    }
}

/// Where in a function a type stands: Rust borrows what it gives.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Parameter,
    Result,
}

impl Package {
    /// A function as a language's bindings have it, without the word that begins it there.
    pub fn call(&self, language: Language, interface: &str, function: &Function) -> String {
        let own = match function.kind {
            FunctionKind::Method(id) => self.resolve.types[id].name.as_deref(),
            _ => None,
        };
        let params = function.params[usize::from(own.is_some())..].iter().map(|param| {
            let ty = self.in_language(language, &param.ty, Place::Parameter);
            format!("{}: {ty}", value_name(language, &param.name))
        });
        let params: Vec<_> = params.collect();
        let name = value_name(language, plain_name(function));
        let name = match (own, language) {
            (Some(resource), Language::Rust) => format!("{}::{name}", type_name(resource)),
            (Some(resource), _) => format!("{}.{name}", type_name(resource)),
            (None, Language::Rust) => format!("{}::{name}", value_name(language, interface)),
            (None, _) => format!("{}.{name}", value_name(language, interface)),
        };
        let mut given = params;
        if own.is_some() && language == Language::Rust {
            given.insert(0, "&self".into());
        }
        let (result, raises) = self.result_of(language, function);
        let arrow = if language == Language::JavaScript { ": " } else { " -> " };
        let result = match result {
            Some(result) => format!("{arrow}{result}"),
            None => match language {
                Language::Rust => String::new(),
                Language::Python => " -> None".into(),
                Language::JavaScript => ": void".into(),
            },
        };
        let raises = raises.map(|error| match language {
            Language::Rust => String::new(),
            Language::Python => format!("  # raises Err[{error}]"),
            Language::JavaScript => format!("  // throws {error}"),
        });
        format!("{name}({}){result}{}", given.join(", "), raises.unwrap_or_default())
    }

    /// What is given back, and what is raised.
    fn result_of(&self, language: Language, function: &Function) -> (Option<String>, Option<String>) {
        let Some(ty) = &function.result else { return (None, None) };
        if let Type::Id(id) = ty
            && let TypeDefKind::Result(result) = &self.resolve.types[*id].kind
            && language != Language::Rust
        {
            let name = |ty: &Type| self.in_language(language, ty, Place::Result);
            return (result.ok.as_ref().map(name), result.err.as_ref().map(name));
        }
        (Some(self.in_language(language, ty, Place::Result)), None)
    }

    fn in_language(&self, language: Language, ty: &Type, place: Place) -> String {
        use Language::{JavaScript, Python, Rust};
        let by = |rust: &str, python: &str, javascript: &str| match language {
            Rust => rust.to_owned(),
            Python => python.to_owned(),
            JavaScript => javascript.to_owned(),
        };
        let is_given = place == Place::Parameter;
        let id = match ty {
            Type::Bool => return by("bool", "bool", "boolean"),
            Type::U8 => return by("u8", "int", "number"),
            Type::U32 => return by("u32", "int", "number"),
            Type::U64 => return by("u64", "int", "bigint"),
            Type::F32 => return by("f32", "float", "number"),
            Type::F64 => return by("f64", "float", "number"),
            Type::String => return by(if is_given { "&str" } else { "String" }, "str", "string"),
            Type::Id(id) => *id,
            other => panic!("a type that this test does not know yet: {other:?}"),
        };
        let definition = &self.resolve.types[id];
        if let Some(name) = &definition.name {
            let is_passed_by_reference = is_given && language == Rust && self.owns_memory(id);
            return format!("{}{}", if is_passed_by_reference { "&" } else { "" }, type_name(name));
        }
        // Within a list or an option, Rust gives a reference only to the whole.
        let inner = |ty: &Type| self.in_language(language, ty, Place::Result);
        match &definition.kind {
            TypeDefKind::List(Type::U8) => by(if is_given { "&[u8]" } else { "Vec<u8>" }, "bytes", "Uint8Array"),
            TypeDefKind::List(Type::F32) if language == JavaScript => "Float32Array".into(),
            TypeDefKind::List(item) => match language {
                Rust if is_given => format!("&[{}]", inner(item)),
                Rust => format!("Vec<{}>", inner(item)),
                Python => format!("List[{}]", inner(item)),
                JavaScript => format!("{}[]", inner(item)),
            },
            TypeDefKind::Option(item) => match language {
                Rust => format!("Option<{}>", self.in_language(language, item, place)),
                Python => format!("Optional[{}]", inner(item)),
                JavaScript => format!("{} | undefined", inner(item)),
            },
            TypeDefKind::Result(result) => {
                let side = |ty: &Option<Type>| ty.as_ref().map_or_else(|| "()".into(), inner);
                format!("Result<{}, {}>", side(&result.ok), side(&result.err))
            }
            TypeDefKind::Handle(Handle::Own(id)) => inner(&Type::Id(*id)),
            TypeDefKind::Handle(Handle::Borrow(id)) => {
                format!("{}{}", if language == Rust { "&" } else { "" }, inner(&Type::Id(*id)))
            }
            kind => panic!("a kind of type that this test does not know yet: {kind:?}"),
        }
    }

    /// Whether a type has text or lists in it, which Rust's bindings take by reference.
    fn owns_memory(&self, id: wit_parser::TypeId) -> bool {
        let owns = |ty: &Type| match ty {
            Type::String => true,
            Type::Id(id) => match &self.resolve.types[*id].kind {
                TypeDefKind::List(_) => true,
                TypeDefKind::Option(Type::String) => true,
                _ => self.owns_memory(*id),
            },
            _ => false,
        };
        match &self.resolve.types[id].kind {
            TypeDefKind::Record(record) => record.fields.iter().any(|field| owns(&field.ty)),
            TypeDefKind::Type(Type::Id(id)) => self.owns_memory(*id),
            _ => false,
        }
    }
}
