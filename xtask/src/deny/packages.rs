//! What `cargo metadata` says about each package.
use anyhow::{Context, Result};
use serde_json::Value;

/// A package of the lock file.
#[derive(Debug, Clone, Default)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its SPDX expression.
    pub license: Option<String>,
    /// `registry+URL`, `git+URL`, or none for a package by path.
    pub source: Option<String>,
    /// Whether it is one of ours.
    pub member: bool,
    /// What it asks for.
    pub dependencies: Vec<Dependency>,
}

/// A line of a package's `[dependencies]`.
#[derive(Debug, Clone, Default)]
pub struct Dependency {
    /// Its name.
    pub name: String,
    /// Its version requirement; `*` where there is none.
    pub requirement: String,
    /// Whether it is by path.
    pub by_path: bool,
}

/// Reads the output of `cargo metadata`.
pub fn parse(metadata: &str) -> Result<Vec<Package>> {
    let metadata: Value = serde_json::from_str(metadata).context("cargo metadata is not JSON")?;
    let members = metadata["workspace_members"].as_array().context("cargo metadata lists no workspace members")?;
    let packages = metadata["packages"].as_array().context("cargo metadata lists no packages")?;
    packages.iter().map(|value| package(value, members)).collect()
}

fn package(value: &Value, members: &[Value]) -> Result<Package> {
    let text = |key: &str| value[key].as_str().map(str::to_owned);
    let dependencies = value["dependencies"].as_array().context("a package lists no dependencies")?;
    Ok(Package {
        name: text("name").context("a package has no name")?,
        version: text("version").context("a package has no version")?,
        license: text("license"),
        source: text("source"),
        member: members.contains(&value["id"]),
        dependencies: dependencies.iter().map(dependency).collect(),
    })
}

fn dependency(value: &Value) -> Dependency {
    Dependency {
        name: value["name"].as_str().unwrap_or_default().to_owned(),
        requirement: value["req"].as_str().unwrap_or_default().to_owned(),
        by_path: value["path"].is_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_read() {
        let text = r#"{"workspace_members": ["path+a"], "packages": [
            {"id": "path+a", "name": "a", "version": "0.1.0", "license": null, "source": null,
             "dependencies": [{"name": "b", "req": "*", "path": "/b"}]},
            {"id": "b", "name": "b", "version": "1.0.0", "license": "MIT", "source": "registry+x", "dependencies": []}]}"#;
        let packages = parse(text).unwrap();
        assert!(packages[0].member && !packages[1].member);
        assert!(packages[0].dependencies[0].by_path);
        assert_eq!(packages[1].license.as_deref(), Some("MIT"));
        assert!(parse("{}").is_err());
        assert!(parse("").is_err());
    }
}
