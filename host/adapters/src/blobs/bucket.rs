//! The parts that only a bucket needs: its address, the limits of its client, and listing by pages.

use super::error;
use futures::Stream;
use morag_core::Secret;
use morag_core::ports::BlobError;
use morag_core::task::TaskId;
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey, AwsCredential};
use object_store::list::{PaginatedListOptions, PaginatedListStore};
use object_store::path::Path;
use object_store::{BackoffConfig, ClientOptions, RetryConfig, StaticCredentialProvider};
use reqwest::Url;
use std::ffi::OsString;
use std::sync::Arc;
use std::time::Duration;

/// Timeout of connecting: a nearby store responds within milliseconds, one on another continent within a second.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(5);

/// Longest pause between two bytes from the store, also while it receives a part or copies: a part of 5 MiB needs 0.7 Mbit/s. A whole
/// request has no timeout, because a download lasts as long as its reader takes.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// Retries of a request that failed on the network or by a server error.
const RETRIES_MAX: usize = 4;

/// No retry begins later than this after the first attempt. With `SILENCE_MAX`, a request fails within two minutes.
const RETRY_TIME_MAX: Duration = Duration::from_secs(60);

/// Delay before the first retry; it doubles up to `PAUSE_MAX`, with jitter.
const PAUSE: Duration = Duration::from_millis(100);

/// Longest delay: five attempts then take a few seconds where the store refuses connections.
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// Entries of a page: S3's own limit.
const PAGE_MAX: usize = 1000;

/// How to reach a bucket. Missing values come from where `object_store` takes them: the environment (`AWS_…`, where an empty variable
/// counts as absent), then the role of the container or the instance.
#[derive(Debug, Clone, Default)]
pub struct S3Settings {
    /// Address of the store, such as `https://minio.example:9000`. Unencrypted only if it begins with `http://`. If missing, also in the
    /// environment: Amazon's, by the region.
    pub endpoint: Option<String>,
    /// If missing, also in the environment: `us-east-1`, which most other stores use as their own.
    pub region: Option<String>,
    /// Access key id. Needs the secret: both or none.
    pub access_key_id: Option<String>,
    /// The access key's secret.
    pub secret_access_key: Option<Secret>,
}

/// A bucket, or a prefix in it.
#[derive(Clone)]
pub(super) struct Bucket {
    store: Arc<AmazonS3>,
    name: String,
    prefix: Path,
}

impl Bucket {
    /// Opens without connecting.
    pub(super) fn open(url: &str, settings: S3Settings) -> Result<Self, BlobError> {
        let (name, prefix) = address(url)?;
        // Without a provider, building the client panics.
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            return Err(wrong("this process has chosen no provider for TLS; install one before opening a bucket"));
        }
        let mut builder = builder_from(std::env::vars_os()).with_bucket_name(&name);
        if let Some(region) = settings.region {
            builder = builder.with_region(region);
        }
        if let Some(endpoint) = settings.endpoint {
            // This key has priority over `Endpoint`, which may come from the environment.
            builder = builder.with_config(AmazonS3ConfigKey::S3Endpoint, endpoint);
        }
        builder = match (settings.access_key_id, settings.secret_access_key) {
            // Not the builder's own fields: it would combine them with a session token from the environment.
            (Some(key_id), Some(secret)) => {
                let credential = AwsCredential { key_id, secret_key: secret.expose().to_owned(), token: None };
                builder.with_credentials(Arc::new(StaticCredentialProvider::new(credential)))
            }
            (None, None) => builder,
            _ => return Err(wrong("an access key is an id and a secret; one of the two is missing")),
        };
        let endpoint = [AmazonS3ConfigKey::S3Endpoint, AmazonS3ConfigKey::Endpoint];
        let endpoint = endpoint.iter().find_map(|key| builder.get_config_value(key));
        let plain_http = endpoint.map_or(Ok(false), |endpoint| is_plain_http(&endpoint))?;
        let store = builder.with_client_options(client_options(plain_http)).with_retry(retries()).build();
        Ok(Self { store: Arc::new(store.map_err(error::unavailable)?), name, prefix })
    }

    /// The bucket as a store, for paths of [`Bucket::at`].
    pub(super) fn store(&self) -> Arc<AmazonS3> {
        Arc::clone(&self.store)
    }

    /// Adds the prefix to a path.
    pub(super) fn at(&self, path: &str) -> String {
        match self.prefix.as_ref() {
            "" => path.to_owned(),
            prefix => format!("{prefix}/{path}"),
        }
    }

    /// Succeeds when the bucket can be listed. Writes nothing: a write every few seconds costs money, and fills a bucket with versioning.
    pub(super) async fn ping(&self) -> Result<(), BlobError> {
        let options = PaginatedListOptions { max_keys: Some(1), ..PaginatedListOptions::default() };
        self.store.list_paginated(Some(&self.at("")), options).await.map(drop).map_err(error::unavailable)
    }

    /// Pages of the task ids that have files below `below`, in order.
    pub(super) fn tasks(self, below: &'static str) -> impl Stream<Item = Result<Vec<TaskId>, BlobError>> + Send {
        futures::stream::try_unfold(Some((self, None)), move |at| async move {
            let Some((bucket, after)) = at else { return Ok(None) };
            let page = bucket.page_of_tasks(below, after, PAGE_MAX).await?;
            let next = page.last().copied().filter(|_| page.len() == PAGE_MAX);
            Ok(Some((page, next.map(|last| (bucket, Some(last))))))
        })
    }

    /// The `limit` smallest ids after `after` that have files below `below`. Lists the common prefixes, not the files.
    async fn page_of_tasks(&self, below: &str, after: Option<TaskId>, limit: usize) -> Result<Vec<TaskId>, BlobError> {
        let folder = format!("{}/", self.at(below));
        // `0` follows `/`: the offset skips all files in the folder of task `after`.
        let offset = after.map(|id| format!("{folder}{id}0"));
        let (mut found, mut page_token) = (Vec::new(), None);
        while found.len() < limit {
            let options = PaginatedListOptions {
                offset: offset.clone(),
                delimiter: Some("/".into()),
                max_keys: Some((limit - found.len()).min(PAGE_MAX)),
                page_token,
                ..PaginatedListOptions::default()
            };
            let page = self.store.list_paginated(Some(&folder), options).await.map_err(error::unavailable)?;
            found.extend(
                page.result.common_prefixes.iter().filter_map(|prefix| prefix.filename()?.parse::<TaskId>().ok()),
            );
            page_token = page.page_token;
            if page_token.is_none() {
                break;
            }
        }
        found.truncate(limit);
        Ok(found)
    }
}

impl std::fmt::Debug for Bucket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "s3://{}/{}", self.name, self.prefix)
    }
}

/// A builder with the `AWS_…` variables. Not `AmazonS3Builder::from_env`: it takes an empty endpoint for an address and an empty key for a
/// key, and templates of settings contain empty variables.
fn builder_from(variables: impl IntoIterator<Item = (OsString, OsString)>) -> AmazonS3Builder {
    variables.into_iter().fold(AmazonS3Builder::new(), |builder, (name, value)| {
        let (Some(name), Some(value)) = (name.to_str(), value.to_str()) else { return builder };
        if !name.starts_with("AWS_") || value.trim().is_empty() {
            return builder;
        }
        match name.to_ascii_lowercase().parse::<AmazonS3ConfigKey>() {
            Ok(key) => builder.with_config(key, value),
            // A variable of other tools, such as AWS_PROFILE.
            Err(_) => builder,
        }
    })
}

fn client_options(plain_http: bool) -> ClientOptions {
    ClientOptions::new()
        .with_allow_http(plain_http)
        .with_connect_timeout(CONNECT_TIME_MAX)
        .with_read_timeout(SILENCE_MAX)
        .with_timeout_disabled()
}

fn retries() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig { init_backoff: PAUSE, max_backoff: PAUSE_MAX, base: 2.0 },
        max_retries: RETRIES_MAX,
        retry_timeout: RETRY_TIME_MAX,
    }
}

/// Bucket and prefix of `s3://bucket/prefix`. Errors do not repeat the address: it may contain a password.
fn address(url: &str) -> Result<(String, Path), BlobError> {
    let malformed = || wrong("the address of a bucket is s3://BUCKET or s3://BUCKET/PREFIX, and this one is neither");
    let rest = url.strip_prefix("s3://").ok_or_else(malformed)?;
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    if bucket.is_empty() || !bucket.bytes().all(is_name) || prefix.contains(['?', '#']) {
        return Err(malformed());
    }
    let prefix = Path::parse(prefix).map_err(|_| malformed())?;
    Ok((bucket.to_owned(), prefix))
}

/// Whether an endpoint is unencrypted; an error if it is malformed.
fn is_plain_http(endpoint: &str) -> Result<bool, BlobError> {
    let malformed = || wrong("the endpoint of a bucket is http(s)://HOST[:PORT], without credentials and query");
    let url = Url::parse(endpoint).map_err(|_| malformed())?;
    let has_more = !url.username().is_empty() || url.password().is_some() || url.query().or(url.fragment()).is_some();
    match url.scheme() {
        _ if has_more || !url.has_host() => Err(malformed()),
        "http" => Ok(true),
        "https" => Ok(false),
        _ => Err(malformed()),
    }
}

fn wrong(text: &str) -> BlobError {
    BlobError::Unavailable(text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let parts = |url: &str| address(url).map(|(bucket, prefix)| (bucket, prefix.to_string())).ok();
        let some = |bucket: &str, prefix: &str| Some((bucket.to_owned(), prefix.to_owned()));
        assert_eq!(parts("s3://files"), some("files", ""));
        assert_eq!(parts("s3://files/"), some("files", ""));
        assert_eq!(parts("s3://my.files-2/team/a/"), some("my.files-2", "team/a"));
        for wrong in [
            "",
            "files",
            "s3://",
            "s3:///a",
            "http://files",
            "s3://key:secret@files/a",
            "s3://files/a//b",
            "s3://files/../b",
            "s3://files/a?b",
            "s3://files:9000/a",
        ] {
            assert_eq!(parts(wrong), None, "{wrong}");
        }
        assert!(!address("s3://key:secret@files/a").unwrap_err().to_string().contains("secret"));
    }

    #[test]
    fn empty_variables_are_absent() {
        let get = |variables: &[(&str, &str)], key| {
            let variables = variables.iter().map(|(name, value)| (name.into(), value.into()));
            builder_from(variables).get_config_value(&key)
        };
        for (name, key) in [
            ("AWS_ENDPOINT_URL", AmazonS3ConfigKey::Endpoint),
            ("AWS_ENDPOINT_URL_S3", AmazonS3ConfigKey::S3Endpoint),
            ("AWS_ACCESS_KEY_ID", AmazonS3ConfigKey::AccessKeyId),
            ("AWS_SECRET_ACCESS_KEY", AmazonS3ConfigKey::SecretAccessKey),
            ("AWS_SESSION_TOKEN", AmazonS3ConfigKey::Token),
            ("AWS_REGION", AmazonS3ConfigKey::Region),
        ] {
            assert_eq!(get(&[(name, "")], key), None, "{name}");
            assert_eq!(get(&[(name, " ")], key), None, "{name}");
            let variables = [("AWS_PROFILE", "mine"), (name, "value"), ("HOME", "/root"), ("REGION", "elsewhere")];
            assert_eq!(get(&variables, key), Some("value".to_owned()), "{name}");
        }
    }

    #[test]
    fn endpoints() {
        assert_eq!(is_plain_http("http://127.0.0.1:9000"), Ok(true));
        assert_eq!(is_plain_http("https://s3.example/path"), Ok(false));
        for wrong in
            ["", "s3.example", "ftp://s3.example", "https://key:secret@s3.example", "https://s3.example?key=secret"]
        {
            let error = is_plain_http(wrong).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
