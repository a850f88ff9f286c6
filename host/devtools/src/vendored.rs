//! The Rust SDK as a crate of its own: its manifest in the workspace takes versions from the root, which a project does not
//! have.

use anyhow::{Context as _, bail};
use toml::{Table, Value};

/// Makes the manifest of the standalone crate from that in the workspace and the workspace's root.
pub fn manifest(sdk: &str, root: &str) -> anyhow::Result<String> {
    let sdk: Table = toml::from_str(sdk).context("the SDK's manifest")?;
    let root: Table = toml::from_str(root).context("the root's manifest")?;
    let workspace = root.get("workspace").and_then(Value::as_table).context("the root is no workspace")?;
    let mut made = Table::new();
    let package = sdk.get("package").and_then(Value::as_table).context("the SDK's manifest has no package")?;
    made.insert("package".into(), Value::Table(inherit(package, table(workspace, "package")?)?));
    let dependencies = table(&sdk, "dependencies")?;
    let shared = table(workspace, "dependencies")?;
    let mut own = Table::new();
    for (name, wanted) in dependencies {
        own.insert(name.clone(), dependency(name, wanted, shared)?);
    }
    made.insert("dependencies".into(), Value::Table(own));
    if let Some(features) = sdk.get("features") {
        made.insert("features".into(), features.clone());
    }
    // Known to the code, set by builds with Debian's C library.
    let lints = "rust = { unexpected_cfgs = { level = \"warn\", check-cfg = [\"cfg(morag_debian_wasi_libc)\"] } }";
    made.insert("lints".into(), Value::Table(toml::from_str(lints)?));
    Ok(format!("# Made by `morag plugin`: the SDK of this morag.\n{}", toml::to_string(&made)?))
}

fn table<'a>(of: &'a Table, name: &str) -> anyhow::Result<&'a Table> {
    of.get(name).and_then(Value::as_table).with_context(|| format!("there is no table {name}"))
}

fn is_inherited(value: &Value) -> bool {
    value.get("workspace").and_then(Value::as_bool) == Some(true)
}

/// Keys, with those that are `workspace = true` filled in.
fn inherit(own: &Table, shared: &Table) -> anyhow::Result<Table> {
    let filled = own.iter().map(|(key, value)| match is_inherited(value) {
        false => Ok((key.clone(), value.clone())),
        true => Ok((key.clone(), shared.get(key).with_context(|| format!("the root has no {key}"))?.clone())),
    });
    filled.collect()
}

/// A dependency as it stands alone; features of both are taken, as cargo does.
fn dependency(name: &str, wanted: &Value, shared: &Table) -> anyhow::Result<Value> {
    if !is_inherited(wanted) {
        return Ok(wanted.clone());
    }
    let shared = shared.get(name).with_context(|| format!("the root has no dependency {name}"))?;
    let mut made = match shared {
        Value::String(version) => Table::from_iter([("version".to_owned(), Value::String(version.clone()))]),
        Value::Table(table) if !table.contains_key("path") => table.clone(),
        _ => bail!("the SDK depends on {name}, which a project outside of the workspace cannot have"),
    };
    for (key, value) in wanted.as_table().into_iter().flatten().filter(|(key, _)| *key != "workspace") {
        match (key.as_str(), made.get_mut(key), value) {
            ("features", Some(Value::Array(features)), Value::Array(more)) => features.extend(more.iter().cloned()),
            _ => {
                made.insert(key.clone(), value.clone());
            }
        }
    }
    Ok(Value::Table(made))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embedded;

    #[test]
    fn what_is_inherited_is_filled_in() {
        let root = "[workspace.package]\nversion = \"1.2.3\"\n[workspace.dependencies]\na = \"1\"\n\
                    b = { version = \"2\", default-features = false, features = [\"x\"] }\nc = { path = \"c\" }\n";
        let sdk = "[package]\nname = \"s\"\nversion.workspace = true\n[lints]\nworkspace = true\n[dependencies]\n\
                   a.workspace = true\nb = { workspace = true, features = [\"y\"], optional = true }\nd = \"4\"\n";
        let made: Table = toml::from_str(&manifest(sdk, root).unwrap()).unwrap();
        assert_eq!(made["package"]["version"].as_str(), Some("1.2.3"));
        let dependencies = &made["dependencies"];
        assert_eq!(dependencies["a"]["version"].as_str(), Some("1"));
        assert_eq!(dependencies["d"].as_str(), Some("4"));
        let b = &dependencies["b"];
        assert_eq!((b["version"].as_str(), b["optional"].as_bool()), (Some("2"), Some(true)));
        assert_eq!(b["default-features"].as_bool(), Some(false));
        assert_eq!(b["features"], Value::Array(vec!["x".into(), "y".into()]));
        let sdk = sdk.replace("a.work", "c.work");
        assert!(manifest(&sdk, root).unwrap_err().to_string().contains("depends on c"));
    }

    #[test]
    fn the_sdk_stands_alone_with_the_versions_of_the_workspace() {
        let text = manifest(embedded::RUST_SDK_MANIFEST, embedded::ROOT_MANIFEST).unwrap();
        let made: Table = toml::from_str(&text).unwrap();
        assert!(!text.contains("workspace"), "{text}");
        let root: Table = toml::from_str(embedded::ROOT_MANIFEST).unwrap();
        let sdk: Table = toml::from_str(embedded::RUST_SDK_MANIFEST).unwrap();
        let shared = &root["workspace"]["dependencies"];
        let version = |value: &Value| value.get("version").unwrap_or(value).as_str().map(str::to_owned);
        for name in sdk["dependencies"].as_table().unwrap().keys() {
            assert_eq!(version(&made["dependencies"][name]), version(&shared[name]), "{name}");
        }
        assert_eq!(made["package"]["version"].as_str(), Some(env!("CARGO_PKG_VERSION")));
    }
}
