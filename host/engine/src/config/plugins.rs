//! Step components in `morag.toml`: the tables `[[plugins]]`.

use super::file_tables::PLUGINS;
use super::file_values::{List, Parsed, Size, Span};
use super::sources::Written;
use super::tables::{self, Place};
use morag_core::Secret;
use morag_core::plugin::{
    Budget, Budgets, Capability, Descriptor, Digest, Grant, HttpRule, Limits, PluginSource, minisign_key_id,
};
use morag_input::{Whole, Word};
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::LazyLock;
use url::Host;

/// Largest number of rules, and of secrets, of a plugin: more than a step needs, few enough to list.
const ITEMS_MAX: usize = 100;

/// Longest time limit of a run, milliseconds: a day.
const TIME_MS_MAX: u64 = 24 * 60 * 60 * 1000;

/// Largest limit in bytes: more than disks have today.
const BYTES_MAX: u64 = 1 << 50;

/// Smallest memory of a guest: one page.
const MEMORY_BYTES_MIN: u64 = 64 << 10;

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
    /// Whether the table limits the wall-clock time of a run.
    pub limits_wall_time: bool,
    /// Whether it limits the processor time of a run.
    pub limits_cpu_time: bool,
    /// What it may do.
    pub grant: Grant,
}

/// Reads the tables.
pub(super) fn read(written: &Written<'_>) -> Vec<ConfiguredPlugin> {
    let mut plugins: Vec<ConfiguredPlugin> = Vec::new();
    for (place, given) in tables::read::<GivenPlugin>(written, PLUGINS) {
        let plugin = plugin(&place, given);
        if plugins.iter().any(|other| other.name == plugin.name) {
            place.refuse(&["name"], format!("there is another table of {:?}", plugin.name));
        }
        plugins.push(plugin);
    }
    plugins
}

fn plugin(place: &Place<'_>, given: GivenPlugin) -> ConfiguredPlugin {
    let source = given.source.map(|source| source.0);
    if matches!(source, Some(PluginSource::Registry(_))) {
        for (key, is_given) in [("sha256", given.sha256.is_some()), ("public_key", given.public_key.is_some())] {
            if is_given {
                place.refuse(&[key], "a component from a registry is pinned by its source: leave this out");
            }
        }
    }
    let capabilities = given.capabilities.iter().flatten().map(|word| word.0).collect();
    let limits_wall_time = given.limits.wall_time.is_some();
    let limits_cpu_time = given.limits.cpu_time.is_some();
    let mut limits = Limits::from(given.limits);
    if !limits_cpu_time {
        limits.cpu_time_max = Limits::cpu_time_default(&capabilities);
    }
    if !limits_wall_time {
        limits.wall_time_max = Limits::wall_time_default(&capabilities);
    }
    let grant = Grant {
        capabilities,
        limits,
        budgets: given.budgets.0,
        http: given.http.into_iter().flat_map(|rules| rules.0).map(HttpRule::from).collect(),
        secrets: secrets(place, &given.secrets),
    };
    // A setting without its capability has no effect: the mistake is reported now.
    for (key, is_given, capability) in [
        ("http", !grant.http.is_empty(), Capability::Http),
        ("secrets", !given.secrets.is_empty(), Capability::Secrets),
    ] {
        if is_given && !grant.capabilities.contains(&capability) {
            place.refuse(&[key], format!("it has no effect without {key:?} in `capabilities`"));
        }
    }
    ConfiguredPlugin {
        name: given.name.0,
        source,
        sha256: given.sha256.map(|digest| digest.0),
        public_key: given.public_key.map(|key| key.0),
        lists_capabilities: given.capabilities.is_some(),
        limits_wall_time,
        limits_cpu_time,
        grant,
    }
}

/// The values of the environment variables that hold a plugin's secrets.
fn secrets(place: &Place<'_>, given: &BTreeMap<SecretName, String>) -> BTreeMap<String, Secret> {
    if given.len() > ITEMS_MAX {
        place.refuse(&["secrets"], format!("give at most {ITEMS_MAX} secrets"));
        return BTreeMap::new();
    }
    let mut secrets = BTreeMap::new();
    for (SecretName(name), variable) in given {
        let Some(secret) = place.variable(&["secrets", name], variable) else { continue };
        if secret.expose().len() < SECRET_BYTES_MIN {
            let text = format!(
                "the variable has fewer than {SECRET_BYTES_MIN} bytes: so short a secret cannot be kept out of logs, where \
                 other texts have it too"
            );
            place.refuse(&["secrets", name], text);
        }
        secrets.insert(name.clone(), secret);
    }
    secrets
}

/// A table `[[plugins]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct GivenPlugin {
    name: GivenName,
    source: Option<Parsed<PluginSource>>,
    sha256: Option<Parsed<Digest>>,
    public_key: Option<PublicKey>,
    capabilities: Option<Vec<Word<Capability>>>,
    #[serde(default)]
    limits: GivenLimits,
    #[serde(default)]
    budgets: GivenBudgets,
    http: Option<List<GivenRule, 0, ITEMS_MAX>>,
    /// Names of environment variables, by the names that the step asks for.
    #[serde(default)]
    secrets: BTreeMap<SecretName, String>,
}

/// Name of a component.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct GivenName(String);

impl TryFrom<String> for GivenName {
    type Error = String;
    fn try_from(name: String) -> Result<Self, String> {
        Descriptor::check_name(&name).map(|()| Self(name)).map_err(|error| error.to_string())
    }
}

/// A minisign key.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct PublicKey(String);

impl TryFrom<String> for PublicKey {
    type Error = &'static str;
    fn try_from(key: String) -> Result<Self, &'static str> {
        match minisign_key_id(&key) {
            Some(_) => Ok(Self(key)),
            None => Err("give the second line of a minisign.pub, which begins with RW"),
        }
    }
}

/// Name of a secret.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
struct SecretName(String);

impl TryFrom<String> for SecretName {
    type Error = &'static str;
    fn try_from(name: String) -> Result<Self, &'static str> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        match (1..=64).contains(&name.len()) && name.chars().all(plain) {
            true => Ok(Self(name)),
            false => Err("a name has at most 64 letters, digits, dots, dashes and underscores"),
        }
    }
}

/// Limits of a run; the default where one is absent.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct GivenLimits {
    memory: Option<Size<MEMORY_BYTES_MIN, MEMORY_BYTES_MAX>>,
    wall_time: Option<Span<1, TIME_MS_MAX>>,
    cpu_time: Option<Span<1, TIME_MS_MAX>>,
    output: Option<Size<0, BYTES_MAX>>,
    artifacts: Option<Whole<0, 1000>>,
    host_bytes: Option<Size<0, BYTES_MAX>>,
    host_calls: Option<Whole<0, COUNT_MAX>>,
    http_requests: Option<Whole<0, 1_000_000>>,
    log_lines: Option<Whole<0, 100_000>>,
    log_bytes: Option<Size<0, { 64 << 20 }>>,
}

impl From<GivenLimits> for Limits {
    fn from(given: GivenLimits) -> Self {
        let of = Self::default();
        let small = |given: Option<u64>, default| given.map_or(default, |n| usize::try_from(n).unwrap_or(usize::MAX));
        Self {
            memory_bytes_max: given.memory.map_or(of.memory_bytes_max, |bytes| bytes.0),
            wall_time_max: given.wall_time.map_or(of.wall_time_max, |time| time.0),
            cpu_time_max: given.cpu_time.map_or(of.cpu_time_max, |time| time.0),
            output_bytes_max: given.output.map_or(of.output_bytes_max, |bytes| bytes.0),
            artifacts_max: small(given.artifacts.map(|count| count.0), of.artifacts_max),
            host_bytes_max: given.host_bytes.map_or(of.host_bytes_max, |bytes| bytes.0),
            host_calls_max: given.host_calls.map_or(of.host_calls_max, |count| count.0),
            http_requests_max: given.http_requests.map_or(of.http_requests_max, |count| count.0),
            log_lines_max: small(given.log_lines.map(|count| count.0), of.log_lines_max),
            log_bytes_max: small(given.log_bytes.map(|bytes| bytes.0), of.log_bytes_max),
        }
    }
}

/// Budgets by their names, as the core lists them; the default where one is absent.
#[derive(Debug, Default)]
struct GivenBudgets(Budgets);

impl<'de> Deserialize<'de> for GivenBudgets {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        static NAMES: LazyLock<Vec<&str>> = LazyLock::new(|| Budget::ALL.map(Budget::name).to_vec());
        struct ByName;
        impl<'de> Visitor<'de> for ByName {
            type Value = Budgets;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table of budgets")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Budgets, A::Error> {
                let mut budgets = Budgets::default();
                while let Some(name) = map.next_key::<String>()? {
                    let budget = Budget::ALL.into_iter().find(|budget| budget.name() == name);
                    let budget = budget.ok_or_else(|| A::Error::unknown_field(&name, &NAMES))?;
                    let max = match budget.is_bytes() {
                        true => map.next_value::<Size<0, BYTES_MAX>>()?.0,
                        false => map.next_value::<Whole<0, COUNT_MAX>>()?.0,
                    };
                    budgets.set(budget, max);
                }
                Ok(budgets)
            }
        }
        deserializer.deserialize_struct("budgets", &NAMES, ByName).map(Self)
    }
}

/// A destination of requests.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct GivenRule {
    host: GivenHost,
    /// 0 is as absent: that of the URL's scheme.
    port: Option<Whole<0, { u16::MAX as u64 }>>,
    /// GET and HEAD where it is absent.
    #[serde(default)]
    methods: Vec<GivenMethod>,
}

impl From<GivenRule> for HttpRule {
    fn from(given: GivenRule) -> Self {
        let port = given.port.and_then(|port| u16::try_from(port.0).ok());
        let methods = given.methods.into_iter().map(|method| method.0).collect();
        Self { host: given.host.0, port: port.filter(|port| *port > 0), methods }
    }
}

/// A method in upper case.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct GivenMethod(String);

impl TryFrom<String> for GivenMethod {
    type Error = &'static str;
    fn try_from(method: String) -> Result<Self, &'static str> {
        match !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_uppercase()) && method != "CONNECT" {
            true => Ok(Self(method)),
            false => Err("give a method in upper case, like POST; never CONNECT"),
        }
    }
}

/// A host in the form of hosts of URLs.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct GivenHost(String);

impl TryFrom<String> for GivenHost {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, &'static str> {
        http_host(&text)
            .map(Self)
            .ok_or("give a host name without port, an address, or *.example.com for all names below one")
    }
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
