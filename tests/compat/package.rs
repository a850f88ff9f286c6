//! A WIT package as text: each type and function as one line, regardless of files and comments.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use wit_parser::{Function, FunctionKind, Handle, Interface, PackageId, Resolve, Type, TypeDefKind, TypeId, WorldItem};

/// A parsed package.
pub struct Package {
    pub resolve: Resolve,
    pub id: PackageId,
}

/// The folder `wit/`.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit")
}

/// Names of methods begin with their kind: `[method]blob.read`.
pub fn plain_name(function: &Function) -> &str {
    function.name.rsplit(['.', ']']).next().unwrap_or(&function.name)
}

impl Package {
    /// Parses the files of a folder.
    pub fn parse(folder: &Path) -> Self {
        let mut resolve = Resolve::default();
        let (id, _) = resolve.push_dir(folder).unwrap_or_else(|error| panic!("{}: {error:#}", folder.display()));
        Self { resolve, id }
    }

    /// Its version.
    pub fn version(&self) -> String {
        self.resolve.packages[self.id].name.version.as_ref().unwrap().to_string()
    }

    /// Its interfaces, in the order of their files.
    pub fn interfaces(&self) -> impl Iterator<Item = (&str, &Interface)> {
        let interfaces = self.resolve.packages[self.id].interfaces.iter();
        interfaces.map(|(name, id)| (name.as_str(), &self.resolve.interfaces[*id]))
    }

    /// Names of the interfaces that the world of a step imports and exports.
    pub fn world(&self) -> (Vec<String>, Vec<String>) {
        self.world_named("processing-step")
    }

    /// Names of the interfaces that a world imports and exports.
    pub fn world_named(&self, name: &str) -> (Vec<String>, Vec<String>) {
        let world = &self.resolve.worlds[self.resolve.packages[self.id].worlds[name]];
        let name = |item: &WorldItem| match item {
            WorldItem::Interface { id, .. } => self.resolve.interfaces[*id].name.clone(),
            _ => None,
        };
        (world.imports.values().filter_map(name).collect(), world.exports.values().filter_map(name).collect())
    }

    /// Names of the interfaces that any world exports.
    pub fn exported(&self) -> BTreeSet<String> {
        let worlds = self.resolve.packages[self.id].worlds.keys();
        worlds.flat_map(|name| self.world_named(name).1).collect()
    }

    /// Everything that a component could be built against, by name: `task.blob.read` and its definition.
    pub fn shapes(&self) -> BTreeMap<String, String> {
        let mut shapes = BTreeMap::new();
        for (name, interface) in self.interfaces() {
            shapes.insert(name.to_owned(), "interface".to_owned());
            for (type_name, id) in &interface.types {
                shapes.insert(format!("{name}.{type_name}"), self.definition(*id));
            }
            for function in interface.functions.values() {
                shapes.insert(format!("{name}.{}", function.name), self.signature(function));
            }
        }
        shapes
    }

    /// The definition of a type.
    pub fn definition(&self, id: TypeId) -> String {
        match &self.resolve.types[id].kind {
            TypeDefKind::Record(record) => {
                let fields = record.fields.iter().map(|field| format!("{}: {}", field.name, self.name(&field.ty)));
                format!("record {{ {} }}", fields.collect::<Vec<_>>().join(", "))
            }
            TypeDefKind::Variant(variant) => {
                let cases = variant.cases.iter().map(|case| match &case.ty {
                    Some(ty) => format!("{}({})", case.name, self.name(ty)),
                    None => case.name.clone(),
                });
                format!("variant {{ {} }}", cases.collect::<Vec<_>>().join(", "))
            }
            TypeDefKind::Enum(cases) => {
                let cases = cases.cases.iter().map(|case| case.name.as_str());
                format!("enum {{ {} }}", cases.collect::<Vec<_>>().join(", "))
            }
            TypeDefKind::Resource => "resource".into(),
            TypeDefKind::Type(ty) => format!("use {}", self.name(ty)),
            kind => panic!("a kind of type that this test does not know yet: {kind:?}"),
        }
    }

    /// The signature of a function in WIT syntax.
    pub fn signature(&self, function: &Function) -> String {
        // The first parameter of a method is the resource itself.
        let own = usize::from(matches!(function.kind, FunctionKind::Method(_)));
        let params = function.params[own..].iter().map(|param| format!("{}: {}", param.name, self.name(&param.ty)));
        let params = params.collect::<Vec<_>>().join(", ");
        let result = function.result.as_ref().map(|ty| format!(" -> {}", self.name(ty))).unwrap_or_default();
        format!("func({params}){result}")
    }

    /// A type as it is used. A type of another interface has that interface's name before it.
    pub fn name(&self, ty: &Type) -> String {
        let id = match ty {
            Type::Id(id) => *id,
            Type::Bool => return "bool".into(),
            Type::U8 => return "u8".into(),
            Type::U32 => return "u32".into(),
            Type::U64 => return "u64".into(),
            Type::F32 => return "f32".into(),
            Type::F64 => return "f64".into(),
            Type::String => return "string".into(),
            other => panic!("a type that this test does not know yet: {other:?}"),
        };
        let definition = &self.resolve.types[id];
        if let Some(name) = &definition.name {
            return name.clone();
        }
        match &definition.kind {
            TypeDefKind::List(item) => format!("list<{}>", self.name(item)),
            TypeDefKind::Option(item) => format!("option<{}>", self.name(item)),
            TypeDefKind::Result(result) => {
                let side = |ty: &Option<Type>| ty.as_ref().map_or_else(|| "_".into(), |ty| self.name(ty));
                format!("result<{}, {}>", side(&result.ok), side(&result.err))
            }
            TypeDefKind::Handle(Handle::Own(id)) => self.name(&Type::Id(*id)),
            TypeDefKind::Handle(Handle::Borrow(id)) => format!("borrow<{}>", self.name(&Type::Id(*id))),
            kind => panic!("a kind of type that this test does not know yet: {kind:?}"),
        }
    }
}
