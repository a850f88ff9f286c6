//! Step components in `morag.toml`: the tables `[[plugins]]` and `[[plugin_registries]]`.

use super::file_tables::{PLUGIN_REGISTRIES, PLUGINS};
use super::sources::{ConfigError, Written};
use super::table_reader::TableReader;
use morag_core::Secret;
use morag_core::plugin::{
    Budget, Budgets, Capability, Descriptor, Digest, Grant, HttpRule, Limits, PluginSource, RegistryAccess,
    RegistryLogin, is_registry, minisign_key_id,
};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;
use url::Host;

/// Largest number of rules, and of secrets, of a plugin: more than a step needs, few enough to list.
const ITEMS_MAX: usize = 100;

/// Longest time limit of a run.
const TIME_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// Largest limit in bytes: more than disks have today.
const BYTES_MAX: u64 = 1 << 50;

/// Largest memory of a guest: the address space of 32 bits.
const MEMORY_BYTES_MAX: u64 = 4 << 30;

/// Largest limit of calls, tokens or keys.
const COUNT_MAX: u64 = 1_000_000_000_000;

/// Longest name of a host.
const HOST_CHARS_MAX: usize = 253;

/// Shortest secret of a step. A secret is cut out of the step's log, and a shorter one would match ordinary words.
const SECRET_BYTES_MIN: usize = 8;

/// A plugin of `morag.toml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfiguredPlugin {
    /// Name that the component must have.
    pub name: String,
    /// Its source; none: `NAME.wasm` in the plugins folder.
    pub source: Option<PluginSource>,
    /// Digest that it must have.
    pub sha256: Option<Digest>,
    /// minisign key that must have signed its file.
    pub public_key: Option<String>,
    /// Whether `capabilities` is given; else a standard step has the capabilities that it has without a table.
    pub lists_capabilities: bool,
    /// What it may do.
    pub grant: Grant,
}

/// Reads the tables of plugins.
pub(super) fn read(written: &Written<'_>) -> Result<Vec<ConfiguredPlugin>, ConfigError> {
    let mut plugins: Vec<ConfiguredPlugin> = Vec::new();
    for (place, table) in written.tables(PLUGINS).iter().enumerate() {
        let mut reader = TableReader::new(format!("{PLUGINS}[{place}]"), table);
        let plugin = plugin(written, &mut reader)?;
        reader.nothing_else()?;
        if plugins.iter().any(|other| other.name == plugin.name) {
            return Err(reader.refuse("name", format!("there is another table of {:?}", plugin.name)));
        }
        plugins.push(plugin);
    }
    Ok(plugins)
}

fn plugin(written: &Written<'_>, reader: &mut TableReader<'_>) -> Result<ConfiguredPlugin, ConfigError> {
    let name = reader.text("name")?.ok_or_else(|| reader.refuse("name", "the name of the component is required"))?;
    Descriptor::check_name(&name).map_err(|error| reader.refuse("name", error))?;
    let source = match reader.text("source")? {
        Some(text) => Some(text.parse::<PluginSource>().map_err(|error| reader.refuse("source", error))?),
        None => None,
    };
    let sha256 = match reader.text("sha256")? {
        Some(text) => Some(text.parse::<Digest>().map_err(|error| reader.refuse("sha256", error))?),
        None => None,
    };
    if sha256.is_some() && matches!(source, Some(PluginSource::Registry(_))) {
        return Err(reader.refuse("sha256", "a component from a registry is pinned by its source: leave this out"));
    }
    let public_key = reader.text("public_key")?;
    match (&public_key, &source) {
        (Some(_), Some(PluginSource::Registry(_))) => {
            return Err(
                reader.refuse("public_key", "a component from a registry is pinned by its source: leave this out")
            );
        }
        (Some(key), _) if minisign_key_id(key).is_none() => {
            return Err(reader.refuse("public_key", "give the second line of a minisign.pub, which begins with RW"));
        }
        _ => {}
    }
    let listed = reader.texts("capabilities")?;
    let capabilities = capabilities(reader, listed.as_deref().unwrap_or_default())?;
    let grant = Grant {
        capabilities,
        limits: limits(reader)?,
        budgets: budgets(reader)?,
        http: http(reader)?,
        secrets: secrets(written, reader)?,
    };
    // A setting without its capability has no effect: the mistake is reported now.
    for (key, given, capability) in [
        ("http", !grant.http.is_empty(), Capability::Http),
        ("secrets", !grant.secrets.is_empty(), Capability::Secrets),
    ] {
        if given && !grant.capabilities.contains(&capability) {
            let text = format!("it has no effect without {key:?} in `capabilities`");
            return Err(reader.refuse(key, &text));
        }
    }
    Ok(ConfiguredPlugin { name, source, sha256, public_key, lists_capabilities: listed.is_some(), grant })
}

fn capabilities(reader: &TableReader<'_>, listed: &[String]) -> Result<BTreeSet<Capability>, ConfigError> {
    let known = || Capability::ALL.map(Capability::as_str).join(", ");
    let one = |(place, name): (usize, &String)| {
        let refuse = || reader.refuse(&format!("capabilities[{place}]"), format!("give one of {}", known()));
        name.parse().map_err(|()| refuse())
    };
    listed.iter().enumerate().map(one).collect()
}

fn limits(reader: &mut TableReader<'_>) -> Result<Limits, ConfigError> {
    let mut limits = Limits::default();
    let Some(mut reader) = reader.table("limits")? else { return Ok(limits) };
    let millisecond = Duration::from_millis(1);
    reader.bytes("memory", 64 << 10..=MEMORY_BYTES_MAX, &mut limits.memory_bytes_max)?;
    reader.time("wall_time", millisecond..=TIME_MAX, &mut limits.wall_time_max)?;
    reader.time("cpu_time", millisecond..=TIME_MAX, &mut limits.cpu_time_max)?;
    reader.bytes("output", 0..=BYTES_MAX, &mut limits.output_bytes_max)?;
    reader.count_usize("artifacts", 1000, &mut limits.artifacts_max)?;
    reader.bytes("host_bytes", 0..=BYTES_MAX, &mut limits.host_bytes_max)?;
    reader.count("host_calls", COUNT_MAX, &mut limits.host_calls_max)?;
    reader.count("http_requests", 1_000_000, &mut limits.http_requests_max)?;
    reader.count_usize("log_lines", 100_000, &mut limits.log_lines_max)?;
    let mut log_bytes = limits.log_bytes_max as u64;
    reader.bytes("log_bytes", 0..=64 << 20, &mut log_bytes)?;
    limits.log_bytes_max = usize::try_from(log_bytes).unwrap_or(usize::MAX);
    reader.nothing_else()?;
    Ok(limits)
}

fn budgets(reader: &mut TableReader<'_>) -> Result<Budgets, ConfigError> {
    let mut budgets = Budgets::default();
    let Some(mut reader) = reader.table("budgets")? else { return Ok(budgets) };
    for budget in Budget::ALL {
        let mut max = budgets.get(budget);
        match budget.is_bytes() {
            true => reader.bytes(budget.name(), 0..=BYTES_MAX, &mut max)?,
            false => reader.count(budget.name(), COUNT_MAX, &mut max)?,
        }
        budgets.set(budget, max);
    }
    reader.nothing_else()?;
    Ok(budgets)
}

fn http(reader: &mut TableReader<'_>) -> Result<Vec<HttpRule>, ConfigError> {
    let rules = reader.tables("http")?;
    if rules.len() > ITEMS_MAX {
        return Err(reader.refuse("http", format!("at most {ITEMS_MAX} rules")));
    }
    rules.into_iter().map(http_rule).collect()
}

fn http_rule(mut reader: TableReader<'_>) -> Result<HttpRule, ConfigError> {
    let host = reader.text("host")?.ok_or_else(|| reader.refuse("host", "the host is required"))?;
    let host = http_host(&host).ok_or_else(|| {
        reader.refuse("host", "give a host name without port, an address, or *.example.com for all names below one")
    })?;
    let mut port = 0;
    reader.count("port", u64::from(u16::MAX), &mut port)?;
    let methods = reader.texts("methods")?.unwrap_or_default();
    for (place, method) in methods.iter().enumerate() {
        if method.is_empty() || !method.bytes().all(|byte| byte.is_ascii_uppercase()) || method == "CONNECT" {
            return Err(
                reader.refuse(&format!("methods[{place}]"), "give a method in upper case, like POST; never CONNECT")
            );
        }
    }
    reader.nothing_else()?;
    Ok(HttpRule { host, port: u16::try_from(port).ok().filter(|port| *port > 0), methods })
}

/// The host of a rule in the form of hosts of URLs; none where no URL can have it, so that the rule would never match.
fn http_host(text: &str) -> Option<String> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(address.to_string());
    }
    let (wildcard, name) = text.strip_prefix("*.").map_or(("", text), |name| ("*.", name));
    // Allowed in the host of a URL, but meant otherwise here: a pattern, an escape, a fully qualified name.
    if name.contains(['*', '%']) || name.ends_with('.') {
        return None;
    }
    match Host::parse(name).ok()? {
        Host::Domain(name) if name.len() <= HOST_CHARS_MAX => Some(format!("{wildcard}{name}")),
        Host::Ipv4(address) if wildcard.is_empty() => Some(address.to_string()),
        Host::Ipv6(address) if wildcard.is_empty() => Some(address.to_string()),
        // No name is below an address, nor below a number, which is parsed as an address.
        _ => None,
    }
}

fn secrets(written: &Written<'_>, reader: &mut TableReader<'_>) -> Result<BTreeMap<String, Secret>, ConfigError> {
    let Some(reader) = reader.table("secrets")? else { return Ok(BTreeMap::new()) };
    if reader.table.len() > ITEMS_MAX {
        return Err(ConfigError::new(format!("{}: at most {ITEMS_MAX} secrets", reader.path)));
    }
    let mut secrets = BTreeMap::new();
    for (name, value) in reader.table {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        if !(1..=64).contains(&name.len()) || !name.chars().all(plain) {
            let text = "a name has at most 64 letters, digits, dots, dashes and underscores";
            return Err(ConfigError::new(format!("{}: {text}", reader.path)));
        }
        // The value is not shown: it may be the secret itself.
        let variable = value.as_str().unwrap_or_default();
        let set = written.environment(variable);
        let set = set.ok_or_else(|| reader.refuse(name, "give the name of an environment variable that is set"))?;
        let set = set.trim();
        if set.len() < SECRET_BYTES_MIN {
            let text = format!(
                "the variable has fewer than {SECRET_BYTES_MIN} bytes: so short a secret cannot be kept out of logs, where \
                 other texts have it too"
            );
            return Err(reader.refuse(name, text));
        }
        secrets.insert(name.clone(), Secret::new(set));
    }
    Ok(secrets)
}

/// Reads the tables of registries.
pub(super) fn registries(written: &Written<'_>) -> Result<Vec<RegistryAccess>, ConfigError> {
    let mut registries: Vec<RegistryAccess> = Vec::new();
    for (place, table) in written.tables(PLUGIN_REGISTRIES).iter().enumerate() {
        let mut reader = TableReader::new(format!("{PLUGIN_REGISTRIES}[{place}]"), table);
        let registry = reader.text("host")?.filter(|host| is_registry(host));
        let registry = registry.ok_or_else(|| reader.refuse("host", "give a host, with its port if needed"))?;
        let mut insecure = false;
        reader.flag("insecure", &mut insecure)?;
        let username = reader.text("username")?;
        let (password, token) = (reader.variable(written, "password_env")?, reader.variable(written, "token_env")?);
        let login = match (username, password, token) {
            (None, None, None) => None,
            (Some(username), Some(password), None) => Some(RegistryLogin::Password { username, password }),
            (None, None, Some(token)) => Some(RegistryLogin::Token(token)),
            _ => return Err(reader.refuse("username", "give `username` and `password_env`, or `token_env` alone")),
        };
        reader.nothing_else()?;
        if registries.iter().any(|other| other.registry == registry) {
            return Err(reader.refuse("host", "there is another table of this registry"));
        }
        registries.push(RegistryAccess { registry, login, insecure });
    }
    Ok(registries)
}
