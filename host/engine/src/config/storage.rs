//! Settings of Redis and of S3.

use super::Roles;
use super::roles::Role;
use super::sources::Written;
use morag_core::Secret;
use morag_core::redis_demands::AcceptedLosses;
use std::path::PathBuf;
use url::Url;

/// Longest key prefix: every key contains it, so each byte costs memory per key.
const KEY_PREFIX_MAX: usize = 64;

/// A Redis shared by several processes.
#[derive(Debug, Clone)]
pub struct RedisConfig {
    /// URL with user and password.
    pub url: Secret,
    /// CA certificates (PEM) to trust instead of the public ones.
    pub ca_file: Option<PathBuf>,
    /// Prefix of every key.
    pub key_prefix: String,
    /// Data losses that the operator accepts where Redis is not configured to be durable.
    pub accept_loss: AcceptedLosses,
}

/// An S3 bucket, or one of a compatible service.
#[derive(Debug, Clone)]
pub struct S3Config {
    /// `s3://bucket/prefix`.
    pub url: String,
    /// Address of the service; none: Amazon's.
    pub endpoint: Option<String>,
    /// Its region.
    pub region: Option<String>,
    /// Access key id.
    pub access_key_id: Option<String>,
    /// Secret access key.
    pub secret_access_key: Option<Secret>,
}

/// Reads the Redis settings; none: the embedded store.
pub(super) fn redis(written: &Written<'_>) -> Option<RedisConfig> {
    let url = written.secret("redis_url")?;
    let key = "redis_key_prefix";
    let key_prefix = written.value(key).unwrap_or_default();
    // Braces would replace the hash tags of our keys; spaces and stars make keys hard to search for.
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, ':' | '.' | '_' | '-');
    if key_prefix.len() > KEY_PREFIX_MAX || !key_prefix.chars().all(plain) {
        written.refuse(key, &format!("at most {KEY_PREFIX_MAX} of the characters a-z A-Z 0-9 : . _ -"));
    }
    let ca_file = written.value("redis_ca_file").map(PathBuf::from);
    let (key, none) = ("redis_accept_loss", AcceptedLosses::default);
    let accept_loss = written.value(key).map_or_else(none, |text| written.of_type(key, &text, none()));
    Some(RedisConfig { url, ca_file, key_prefix, accept_loss })
}

/// Reads the S3 settings; none: the data folder.
pub(super) fn s3(written: &Written<'_>) -> Option<S3Config> {
    let url = written.value("blobs_url")?;
    // The notes do not show the URL: credentials are often put into URLs by mistake.
    let parsed = Url::parse(&url).ok().filter(is_without_credentials);
    if !parsed.is_some_and(|url| url.scheme() == "s3" && url.host_str().is_some_and(|bucket| !bucket.is_empty())) {
        let text = "is not of the form s3://bucket/prefix, without keys in it: those are AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
        written.note("blobs_url", text);
    }
    let endpoint = written.value("s3_endpoint_url");
    let is_http = |url: &Url| matches!(url.scheme(), "http" | "https") && is_without_credentials(url);
    if endpoint.as_ref().is_some_and(|text| !Url::parse(text).is_ok_and(|url| is_http(&url))) {
        written
            .note("s3_endpoint_url", "is not of the form https://host:port, or http://host:port, without keys in it");
    }
    note_half_a_key(written);
    Some(S3Config {
        url,
        endpoint,
        region: written.value("s3_region"),
        access_key_id: written.value("s3_access_key_id"),
        secret_access_key: written.secret("s3_secret_access_key"),
    })
}

/// Notes an access key without its secret, and a secret without its key.
fn note_half_a_key(written: &Written<'_>) {
    let is_set = |key: &str| written.get(key).is_some();
    let (id, secret) = ("s3_access_key_id", "s3_secret_access_key");
    match (is_set(id), is_set(secret)) {
        (true, false) => written.note(id, "is set, and AWS_SECRET_ACCESS_KEY is not: set both or neither"),
        (false, true) => written.note(secret, "is set, and AWS_ACCESS_KEY_ID is not: set both or neither"),
        _ => {}
    }
}

fn is_without_credentials(url: &Url) -> bool {
    url.username().is_empty() && url.password().is_none()
}

/// Reads the roles.
pub(super) fn roles(written: &Written<'_>, redis: Option<&RedisConfig>) -> Roles {
    let key = "role";
    let roles = written.of_type(key, &written.required(key), Roles::ALL);
    if roles != Roles::ALL && redis.is_none() {
        let text = format!(
            "is {roles}, and REDIS_URL is not set: the embedded store belongs to one process, which has every role; \
             set REDIS_URL, or leave the role out"
        );
        written.note(key, &text);
    }
    roles
}

/// The warning where uploads and steps may be on different machines, and files in a local folder.
pub(super) fn split_warning(roles: Roles, s3: Option<&S3Config>, files: &std::path::Path) -> Option<String> {
    let split = roles.has(Role::Api) != roles.has(Role::Worker);
    (split && s3.is_none()).then(|| {
        format!(
            "this process is {roles} and keeps files in {}: processes of the other roles must have the same folder; \
             where they run on other machines, set MORAG_BLOBS_URL for all of them",
            files.display()
        )
    })
}
