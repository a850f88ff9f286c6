//! URLs of webhooks, validated before any name is resolved.

use super::{AddressPolicy, RefusedAddress};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use url::{Host, Url};

/// Maximum URL length, bytes, both as given and as normalised: the limit of common servers and proxies.
const LENGTH_MAX: usize = 2048;

/// Maximum length of a stored URL, bytes: earlier versions only checked the given text, whose bytes may triple when normalised.
/// Refusing such a URL would make everything stored with it unreadable.
const STORED_LENGTH_MAX: usize = 4 * LENGTH_MAX;

/// Maximum length of a DNS name.
const NAME_LENGTH_MAX: usize = 253;

/// Ports below 1024 that browsers block (the Fetch standard's "bad ports"): other services listen there, above all mail servers,
/// and some act on single lines of a request. Higher ports are allowed, because receivers use any of them.
const SERVICE_PORTS: [u16; 63] = [
    1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109, 110,
    111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526, 530, 531, 532,
    540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995,
];

/// An `http` or `https` URL with a host, without credentials and fragment, and not on a port of another service.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WebhookUrl(Url);

/// Why a URL is not a valid webhook.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidWebhookUrl {
    /// Not a URL.
    #[error("webhook_url is not a valid URL: give one like https://example.com/webhook")]
    NotUrl,
    /// Longer than the maximum.
    #[error("webhook_url is longer than {LENGTH_MAX} bytes, with what is no ASCII percent-encoded")]
    TooLong,
    /// Neither http nor https.
    #[error("webhook_url must begin with http:// or https://")]
    Scheme,
    /// User name or password in the URL.
    #[error("webhook_url must not contain a user name or password: use webhook_auth_token")]
    Credentials,
    /// No host, or an invalid host name.
    #[error("webhook_url has no valid host name")]
    Host,
    /// Port 0.
    #[error("webhook_url has port 0, which is not a valid port")]
    Port,
    /// A port of another service.
    #[error("webhook_url has port {0}, which belongs to a service other than web servers: use another port")]
    ServicePort(u16),
}

impl WebhookUrl {
    /// The URL.
    pub fn as_url(&self) -> &Url {
        &self.0
    }

    /// Whether scheme, host and port are equal: credentials for one URL may be sent to the other.
    pub fn has_origin_of(&self, other: &Self) -> bool {
        self.0.origin() == other.0.origin()
    }

    /// Host and port, for limits per receiver.
    pub fn authority(&self) -> String {
        format!("{}:{}", self.0.host_str().unwrap_or_default(), self.port())
    }

    /// Port, or the scheme's default.
    pub fn port(&self) -> u16 {
        self.0.port_or_known_default().unwrap_or(80)
    }

    /// The host, if it is an address rather than a name. Includes decimal, octal and hexadecimal forms, which the URL standard
    /// parses as addresses.
    pub fn literal_address(&self) -> Option<IpAddr> {
        match self.0.host()? {
            Host::Ipv4(address) => Some(address.into()),
            Host::Ipv6(address) => Some(address.into()),
            Host::Domain(_) => None,
        }
    }

    /// Refuses a literal address that the policy forbids, and `localhost` if the policy forbids loopback addresses. Other names
    /// are checked after resolution.
    pub fn check_literal(&self, policy: &AddressPolicy) -> Result<(), RefusedAddress> {
        match (self.literal_address(), self.0.domain()) {
            (Some(address), _) => policy.check(address),
            (None, Some(name)) => policy.known_addresses(name).map_or(Ok(()), |known| known.map(drop)),
            (None, None) => Ok(()),
        }
    }
}

impl std::str::FromStr for WebhookUrl {
    type Err = InvalidWebhookUrl;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::read(text, LENGTH_MAX)
    }
}

impl WebhookUrl {
    /// Parses a URL of at most `length_max` bytes, both as given and as normalised.
    fn read(text: &str, length_max: usize) -> Result<Self, InvalidWebhookUrl> {
        if text.len() > length_max {
            return Err(InvalidWebhookUrl::TooLong);
        }
        let mut url = Url::parse(text.trim()).map_err(|_| InvalidWebhookUrl::NotUrl)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(InvalidWebhookUrl::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidWebhookUrl::Credentials);
        }
        if url.host_str().is_none_or(str::is_empty) || url.domain().is_some_and(|name| !is_name(name)) {
            return Err(InvalidWebhookUrl::Host);
        }
        match url.port() {
            Some(0) => return Err(InvalidWebhookUrl::Port),
            Some(port) if SERVICE_PORTS.contains(&port) => return Err(InvalidWebhookUrl::ServicePort(port)),
            _ => {}
        }
        url.set_fragment(None);
        // Normalisation encodes a byte that is not allowed in URLs as three.
        if url.as_str().len() > length_max {
            return Err(InvalidWebhookUrl::TooLong);
        }
        Ok(Self(url))
    }
}

/// Whether a host could be a DNS name: no empty label except the root's, and not too long.
fn is_name(host: &str) -> bool {
    let name = host.strip_suffix('.').unwrap_or(host);
    name.len() <= NAME_LENGTH_MAX && name.split('.').all(|label| !label.is_empty())
}

impl TryFrom<String> for WebhookUrl {
    type Error = InvalidWebhookUrl;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::read(&text, STORED_LENGTH_MAX)
    }
}

impl From<WebhookUrl> for String {
    fn from(url: WebhookUrl) -> Self {
        url.0.into()
    }
}

impl std::fmt::Debug for WebhookUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&redact(&self.0))
    }
}

/// A URL for display: without credentials, and with its query hidden, because queries may contain tokens.
pub fn redact(url: &Url) -> String {
    let mut shown = url.clone();
    // Both fail only for URLs without a host, which have no credentials.
    let _ = shown.set_username("");
    let _ = shown.set_password(None);
    if shown.query().is_some() {
        shown.set_query(Some("redacted"));
    }
    shown.set_fragment(None);
    shown.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_webhook_url_says_why() {
        let parse = |text: &str| text.parse::<WebhookUrl>().map(|_| ());
        assert_eq!(parse("nonsense"), Err(InvalidWebhookUrl::NotUrl));
        assert_eq!(parse("ftp://example.com/"), Err(InvalidWebhookUrl::Scheme));
        assert_eq!(parse("file:///etc/passwd"), Err(InvalidWebhookUrl::Scheme));
        assert_eq!(parse("https://user:pw@example.com/"), Err(InvalidWebhookUrl::Credentials));
        assert_eq!(parse("https://user@example.com/"), Err(InvalidWebhookUrl::Credentials));
        assert_eq!(parse("http://example.com:0/"), Err(InvalidWebhookUrl::Port));
        assert_eq!(parse(&format!("http://e.com/{}", "x".repeat(2048))), Err(InvalidWebhookUrl::TooLong));
        assert_eq!(parse("http://"), Err(InvalidWebhookUrl::NotUrl));
        assert_eq!(parse("https://example.com/hook?x=1"), Ok(()));
    }

    #[test]
    fn its_length_is_told_in_bytes() {
        let told = |text: &str| text.parse::<WebhookUrl>().map_err(|error| error.to_string());
        let text = |letters: usize| format!("http://e.com/{}", "ü".repeat(letters));
        assert!(text(400).chars().count() < 500 && told(&text(400)).unwrap_err().contains("longer than 2048 bytes"));
    }

    #[test]
    fn what_is_taken_is_read_again_as_it_is_kept() {
        // A letter of two bytes is six characters of a URL.
        for (letters, taken) in [(338, true), (339, false), (900, false)] {
            let text = format!("http://example.com/{}", "ü".repeat(letters));
            let read = text.parse::<WebhookUrl>();
            assert!(text.len() < LENGTH_MAX && read.is_ok() == taken, "{letters}: {read:?}");
            match read {
                Ok(url) => assert_eq!(String::from(url.clone()).parse(), Ok(url)),
                Err(error) => assert_eq!(error, InvalidWebhookUrl::TooLong),
            }
        }
        // A store of an earlier version has such.
        let kept = format!("http://example.com/{}", "%C3%BC".repeat(900));
        assert_eq!(WebhookUrl::try_from(kept.clone()).map(String::from), Ok(kept));
        // What is not kept does not count.
        let kept = format!("http://example.com/#{}", "ü".repeat(900)).parse::<WebhookUrl>().unwrap();
        assert_eq!(String::from(kept), "http://example.com/");
    }

    #[test]
    fn odd_spellings_of_an_address_are_the_address() {
        for text in
            ["http://2130706433/", "http://0x7f.1/", "http://0177.0.0.1/", "http://127.1/", "http://127.0.0.1./"]
        {
            let url: WebhookUrl = text.parse().unwrap();
            assert_eq!(url.literal_address(), Some("127.0.0.1".parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let same = |one: &str, other: &str| {
            one.parse::<WebhookUrl>().unwrap().has_origin_of(&other.parse::<WebhookUrl>().unwrap())
        };
        assert!(same("https://example.com/a?x=1", "https://EXAMPLE.com:443/b"));
        for other in
            ["http://example.com/", "https://example.com:8443/", "https://example.org/", "https://a.example.com/"]
        {
            assert!(!same("https://example.com/", other), "{other}");
        }
    }

    #[test]
    fn a_shown_url_hides_credentials_and_query() {
        let url = Url::parse("https://user:pw@example.com/hook?token=abc#part").unwrap();
        assert_eq!(redact(&url), "https://example.com/hook?redacted");
        let url: WebhookUrl = "https://example.com/hook?token=abc".parse().unwrap();
        assert_eq!(format!("{url:?}"), "https://example.com/hook?redacted");
    }
}
