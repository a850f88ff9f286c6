//! The part of cargo-deny's configuration that we use. A key that we do not know is an error: a rule must not be
//! silently without effect.
use anyhow::{Context, Result, bail};
use toml::{Table, Value};

/// What `deny.toml` says.
#[derive(Debug, Default)]
pub struct Config {
    /// SPDX licences (with their exception, where they have one) that every package may have.
    pub allowed: Vec<String>,
    /// Packages that may have more.
    pub exceptions: Vec<Exception>,
    /// What is done about two versions of a package.
    pub multiple_versions: Level,
    /// What is done about `version = "*"`.
    pub wildcards: Level,
    /// Whether a dependency by path needs no version.
    pub allow_wildcard_paths: bool,
    /// Packages that must not be there.
    pub banned: Vec<Ban>,
    /// Index addresses of registries.
    pub registries: Vec<String>,
    /// Addresses of git repositories.
    pub gits: Vec<String>,
}

/// How a finding counts.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Not at all.
    Allow,
    /// It is printed.
    Warn,
    /// It fails the check.
    #[default]
    Deny,
}

/// A package that may have licences beyond the list.
#[derive(Debug)]
pub struct Exception {
    /// Its name.
    pub package: String,
    /// Its further licences.
    pub allowed: Vec<String>,
}

/// A package that must not be there.
#[derive(Debug)]
pub struct Ban {
    /// Its name.
    pub package: String,
    /// Why.
    pub reason: String,
}

impl Config {
    /// Reads the text of `deny.toml`.
    pub fn parse(text: &str) -> Result<Self> {
        let root: Table = text.parse().context("it is not TOML")?;
        known(&root, "the top level", &["licenses", "bans", "sources"])?;
        let empty = Table::new();
        let section = |name: &str| {
            root.get(name).map_or(Ok(&empty), |value| value.as_table().with_context(|| format!("{name} is no table")))
        };
        let (licenses, bans, sources) = (section("licenses")?, section("bans")?, section("sources")?);
        known(licenses, "[licenses]", &["allow", "exceptions"])?;
        known(bans, "[bans]", &["multiple-versions", "wildcards", "allow-wildcard-paths", "deny"])?;
        known(sources, "[sources]", &["unknown-registry", "unknown-git", "allow-registry", "allow-git"])?;
        for key in ["unknown-registry", "unknown-git"] {
            if level(sources, key)? != Level::Deny {
                bail!("{key} can only be \"deny\"");
            }
        }
        Ok(Self {
            allowed: texts(licenses, "allow")?,
            exceptions: tables(licenses, "exceptions")?.map(|table| exception(table?, text)).collect::<Result<_>>()?,
            multiple_versions: level(bans, "multiple-versions")?,
            wildcards: level(bans, "wildcards")?,
            allow_wildcard_paths: bans.get("allow-wildcard-paths").and_then(Value::as_bool).unwrap_or(false),
            banned: tables(bans, "deny")?.map(|table| ban(table?)).collect::<Result<_>>()?,
            registries: texts(sources, "allow-registry")?,
            gits: texts(sources, "allow-git")?,
        })
    }
}

fn exception(table: &Table, text: &str) -> Result<Exception> {
    known(table, "a licence exception", &["crate", "allow"])?;
    let package = package(table)?;
    if !has_comment(text, &package) {
        bail!("the licence exception of {package} has no comment above it or behind it that says why");
    }
    Ok(Exception { package, allowed: texts(table, "allow")? })
}

fn ban(table: &Table) -> Result<Ban> {
    known(table, "a ban", &["crate", "reason"])?;
    let package = package(table)?;
    let reason = table.get("reason").and_then(Value::as_str).filter(|reason| !reason.trim().is_empty());
    let reason = reason.with_context(|| format!("the ban of {package} has no reason"))?.to_owned();
    Ok(Ban { package, reason })
}

fn package(table: &Table) -> Result<String> {
    table.get("crate").and_then(Value::as_str).map(str::to_owned).context("an entry has no `crate`")
}

/// cargo-deny has no key for the reason of an exception, so it is a comment: on its line, or on the line above.
fn has_comment(text: &str, package: &str) -> bool {
    let mut above = "";
    for line in text.lines() {
        if line.contains("crate") && line.contains(&format!("\"{package}\"")) && line.contains("allow") {
            return line.contains('#') || above.trim_start().starts_with('#');
        }
        above = line;
    }
    false
}

fn known(table: &Table, place: &str, keys: &[&str]) -> Result<()> {
    match table.keys().find(|key| !keys.contains(&key.as_str())) {
        Some(key) => {
            bail!("{place} has the key `{key}`, which this check does not know (it knows {})", keys.join(", "))
        }
        None => Ok(()),
    }
}

fn level(table: &Table, key: &str) -> Result<Level> {
    match table.get(key).map(Value::as_str) {
        None | Some(Some("deny")) => Ok(Level::Deny),
        Some(Some("warn")) => Ok(Level::Warn),
        Some(Some("allow")) => Ok(Level::Allow),
        _ => bail!("{key} must be \"deny\", \"warn\" or \"allow\""),
    }
}

fn texts(table: &Table, key: &str) -> Result<Vec<String>> {
    let Some(value) = table.get(key) else { return Ok(Vec::new()) };
    let texts = value.as_array().and_then(|list| list.iter().map(|item| item.as_str().map(str::to_owned)).collect());
    texts.with_context(|| format!("{key} must be a list of texts"))
}

fn tables<'a>(table: &'a Table, key: &str) -> Result<impl Iterator<Item = Result<&'a Table>>> {
    let list = match table.get(key) {
        None => &[],
        Some(value) => value.as_array().with_context(|| format!("{key} must be a list"))?.as_slice(),
    };
    Ok(list.iter().map(|item| item.as_table().context("an entry is no table")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        format!("{:#}", Config::parse(text).unwrap_err())
    }

    #[test]
    fn our_own_file_is_read() {
        let config = Config::parse(include_str!("../../../deny.toml")).unwrap();
        assert!(config.allowed.iter().any(|licence| licence == "MIT"));
        assert_eq!(config.registries.len(), 1);
        assert!(config.gits.is_empty());
        assert_eq!(config.wildcards, Level::Deny);
    }

    #[test]
    fn what_has_no_effect_is_refused() {
        assert!(error("[licences]").contains("`licences`"));
        assert!(error("[licenses]\nallowed = []").contains("`allowed`"));
        assert!(error("[sources]\nunknown-git = \"warn\"").contains("unknown-git"));
        assert!(error("[bans]\nwildcards = 3").contains("wildcards"));
        assert!(error("[licenses]\nallow = [1]").contains("allow must be"));
        assert!(error("not toml").contains("not TOML"));
    }

    #[test]
    fn every_exception_has_its_reason() {
        assert!(error("[bans]\ndeny = [{ crate = \"a\" }]").contains("no reason"));
        assert!(error("[licenses]\nexceptions = [\n{ crate = \"a\", allow = [\"X\"] }]").contains("says why"));
        let good = "[licenses]\nexceptions = [\n# Because.\n{ crate = \"a\", allow = [\"MPL-2.0\"] }]";
        assert_eq!(Config::parse(good).unwrap().exceptions[0].allowed, ["MPL-2.0"]);
    }
}
