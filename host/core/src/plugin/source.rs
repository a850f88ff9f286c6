//! Source of a component: a file, or a registry reference that is pinned by digest.

use crate::Secret;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Maximum component size, bytes: a Python component has 18 MB; compiling takes some 150 ms per megabyte.
pub const COMPONENT_BYTES_MAX: u64 = 64 << 20;

/// Maximum characters of a repository name (OCI distribution specification).
const REPOSITORY_CHARS_MAX: usize = 255;

/// Maximum characters of a registry's host and port: the limit of host names plus a port.
const REGISTRY_CHARS_MAX: usize = 253 + 6;

/// Maximum characters of a tag (OCI distribution specification).
const TAG_CHARS_MAX: usize = 128;

/// A SHA-256 in lower-case hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(String);

/// The text is not a SHA-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a SHA-256 has 64 hexadecimal digits: `sha256sum FILE` shows one")]
pub struct InvalidDigest;

impl Digest {
    /// The digest of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        use sha2::Digest as _;
        Self(hex::encode(sha2::Sha256::digest(bytes)))
    }

    /// The digest as 64 lower-case hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Digest {
    type Err = InvalidDigest;
    fn from_str(text: &str) -> Result<Self, InvalidDigest> {
        match text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            true => Ok(Self(text.to_ascii_lowercase())),
            false => Err(InvalidDigest),
        }
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Reference to a component in a registry: `oci://host[:port]/name[:tag]@sha256:…`. The digest is that of the manifest, which
/// contains the component's digest; the tag is informational only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryReference {
    registry: String,
    repository: String,
    tag: Option<String>,
    digest: Digest,
}

/// Source of a component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PluginSource {
    /// A file.
    File(PathBuf),
    /// A registry.
    Registry(RegistryReference),
}

/// Why a registry reference is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidReference {
    /// It has no digest.
    #[error("it is not pinned: end it with @sha256: and the digest of the manifest, because a tag can be moved")]
    Unpinned,
    /// Its digest is not a SHA-256.
    #[error("what follows @ must be sha256: and 64 hexadecimal digits")]
    Digest,
    /// Its host is invalid.
    #[error("its host must be a name or address, with a port where it needs one, and no user or password")]
    Registry,
    /// Its name is invalid.
    #[error(
        "its name must be lower-case words with single dots, dashes or underscores between them, separated by slashes"
    )]
    Repository,
    /// Its tag is invalid.
    #[error("its tag must be at most {TAG_CHARS_MAX} letters, digits, dots, dashes and underscores")]
    Tag,
    /// It has another URL scheme.
    #[error("a source is a file, or begins with oci://")]
    Scheme,
}

impl RegistryReference {
    /// Host, with port if given.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// Host without port and brackets.
    pub fn host(&self) -> &str {
        host_of(&self.registry)
    }

    /// Name within the registry.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// Digest of the manifest.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Whether the registry is on this machine, where plain HTTP is used.
    pub fn is_loopback(&self) -> bool {
        let host = self.host();
        host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

/// Access settings of a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryAccess {
    /// Host, with port if given.
    pub registry: String,
    /// Credentials; `None`: anonymous access.
    pub login: Option<RegistryLogin>,
    /// Whether to use plain HTTP although the registry is on another machine.
    pub insecure: bool,
}

/// Credentials of a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RegistryLogin {
    /// User name and password (or the token that a registry gives instead of a password).
    Password {
        /// The user name.
        username: String,
        /// The password.
        password: Secret,
    },
    /// A bearer token, sent as it is.
    Token(Secret),
}

/// Length of a minisign public key in bytes: algorithm, key id, Ed25519 key.
const MINISIGN_KEY_BYTES: usize = 2 + 8 + 32;

/// Key id of a minisign public key in minisign's notation; `None` if the text is not such a key.
pub fn minisign_key_id(key: &str) -> Option<String> {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::STANDARD.decode(key).ok()?;
    let (algorithm, rest) = bytes.split_at_checked(2)?;
    let id: [u8; 8] = rest.get(..8)?.try_into().ok()?;
    (bytes.len() == MINISIGN_KEY_BYTES && algorithm == b"Ed").then(|| format!("{:016X}", u64::from_le_bytes(id)))
}

/// The host of `host[:port]`, without the brackets of an IPv6 address.
fn host_of(registry: &str) -> &str {
    match registry.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(rest),
        None => registry.split(':').next().unwrap_or(registry),
    }
}

/// Whether a text is a valid `host[:port]` of a registry.
pub fn is_registry(text: &str) -> bool {
    let host = host_of(text);
    let rest = match text.strip_prefix('[') {
        Some(inner) => inner.strip_prefix(host).and_then(|rest| rest.strip_prefix(']')),
        None => text.strip_prefix(host),
    };
    let is_port = |port: &str| port.parse::<u16>().is_ok_and(|port| port > 0);
    let port_fits = rest.is_some_and(|rest| rest.is_empty() || rest.strip_prefix(':').is_some_and(is_port));
    let named = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
    let host_fits = match text.starts_with('[') {
        true => host.parse::<std::net::Ipv6Addr>().is_ok(),
        false => !host.is_empty() && host.chars().all(named) && !host.starts_with(['-', '.']),
    };
    text.len() <= REGISTRY_CHARS_MAX && host_fits && port_fits
}

impl FromStr for RegistryReference {
    type Err = InvalidReference;
    fn from_str(text: &str) -> Result<Self, InvalidReference> {
        let rest = text.strip_prefix("oci://").ok_or(InvalidReference::Scheme)?;
        let (registry, name) = rest.split_once('/').ok_or(InvalidReference::Repository)?;
        if !is_registry(registry) {
            return Err(InvalidReference::Registry);
        }
        let (name, digest) = name.split_once('@').ok_or(InvalidReference::Unpinned)?;
        let digest = digest.strip_prefix("sha256:").and_then(|digest| digest.parse().ok());
        let digest = digest.ok_or(InvalidReference::Digest)?;
        let (repository, tag) = match name.split_once(':') {
            Some((repository, tag)) => (repository, Some(tag)),
            None => (name, None),
        };
        if !is_repository(repository) {
            return Err(InvalidReference::Repository);
        }
        if !tag.is_none_or(is_tag) {
            return Err(InvalidReference::Tag);
        }
        Ok(Self { registry: registry.into(), repository: repository.into(), tag: tag.map(str::to_owned), digest })
    }
}

fn is_repository(name: &str) -> bool {
    let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let part = |part: &str| {
        let ends = part.starts_with(word) && part.ends_with(word);
        ends && part.chars().all(|c| word(c) || matches!(c, '.' | '-' | '_')) && !part.contains("..")
    };
    name.len() <= REPOSITORY_CHARS_MAX && name.split('/').all(part)
}

fn is_tag(tag: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    (1..=TAG_CHARS_MAX).contains(&tag.len()) && tag.chars().all(fits) && !tag.starts_with(['.', '-'])
}

impl fmt::Display for RegistryReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "oci://{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        write!(f, "@sha256:{}", self.digest)
    }
}

impl FromStr for PluginSource {
    type Err = InvalidReference;
    fn from_str(text: &str) -> Result<Self, InvalidReference> {
        match text.split_once("://") {
            None if !text.is_empty() => Ok(Self::File(text.into())),
            _ => text.parse().map(Self::Registry),
        }
    }
}

impl fmt::Display for PluginSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Registry(reference) => write!(f, "{reference}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIN: &str = "@sha256:AA00000000000000000000000000000000000000000000000000000000000000";

    fn reference(name: &str) -> Result<RegistryReference, InvalidReference> {
        format!("oci://{name}{PIN}").parse()
    }

    #[test]
    fn a_reference_is_read_and_shown_as_it_was() {
        for name in ["ghcr.io/acme/redact", "127.0.0.1:5000/a", "[::1]:5000/a_b/c-d", "localhost/x:1.2.0"] {
            let shown = reference(name).unwrap().to_string();
            assert_eq!(shown, format!("oci://{name}{}", PIN.to_lowercase()), "the digest in lower case");
        }
        let read = reference("127.0.0.1:5000/acme/redact:1.0").unwrap();
        assert_eq!((read.registry(), read.host(), read.repository()), ("127.0.0.1:5000", "127.0.0.1", "acme/redact"));
        assert!(read.is_loopback() && reference("[::1]:5000/a").unwrap().is_loopback());
        assert!(!reference("localhost.example/a").unwrap().is_loopback());
        assert!(!reference("10.0.0.1:5000/a").unwrap().is_loopback());
    }

    #[test]
    fn what_is_not_pinned_is_refused() {
        for text in ["oci://ghcr.io/acme/redact", "oci://ghcr.io/acme/redact:1.0"] {
            assert_eq!(text.parse::<RegistryReference>(), Err(InvalidReference::Unpinned));
        }
        for text in ["oci://h/a@sha256:00", "oci://h/a@sha512:00", "oci://h/a@", "oci://h/a@sha256:0@sha256:0"] {
            assert_eq!(text.parse::<RegistryReference>(), Err(InvalidReference::Digest));
        }
    }

    #[test]
    fn nothing_else_passes_for_a_reference() {
        for host in ["user:secret@host", "", "Host", "host:0", "host:70000", "host:", "[::1", "[x]", "-h", "a b"] {
            assert_eq!(reference(&format!("{host}/a")), Err(InvalidReference::Registry), "{host}");
        }
        for name in ["", "A", "a//b", "/a", "a/", "../a", "a..b", "a b", "a?b", "a/-b", &"a".repeat(256)] {
            assert_eq!(reference(&format!("h/{name}")), Err(InvalidReference::Repository), "{name}");
        }
        assert_eq!(reference("h/a:"), Err(InvalidReference::Tag));
        assert_eq!("https://h/a.wasm".parse::<PluginSource>(), Err(InvalidReference::Scheme));
        assert_eq!("steps/a.wasm".parse::<PluginSource>(), Ok(PluginSource::File("steps/a.wasm".into())));
    }

    #[test]
    fn a_minisign_key_has_its_id() {
        // The key in minisign's manual.
        let key = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";
        assert_eq!(minisign_key_id(key).as_deref(), Some("E7620F1842B4E81F"));
        for bad in ["", "RW", &key[1..], "untrusted comment: x", &key.replace("RW", "QQ")] {
            assert_eq!(minisign_key_id(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_digest_is_64_digits() {
        assert_eq!(Digest::of(b"").to_string().parse::<Digest>(), Ok(Digest::of(b"")));
        for bad in ["", "00", &"g".repeat(64), &"é".repeat(32)] {
            assert_eq!(bad.parse::<Digest>(), Err(InvalidDigest), "{bad}");
        }
    }
}
