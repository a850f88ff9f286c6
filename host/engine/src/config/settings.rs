//! Every setting with its names, default and description. Loading, the README and `config.default.toml` all use this list.

/// One setting.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Name in `morag.toml`.
    pub key: &'static str,
    /// Name in the environment.
    pub env: &'static str,
    /// Default as written in the file; empty: none.
    pub default: &'static str,
    /// Description of a computed default; shown instead of `default`.
    pub default_note: &'static str,
    /// Description, with unit and limits.
    pub doc: &'static str,
    /// Whether it is a list: separated by commas, or an array of the file.
    pub is_list: bool,
}

impl Setting {
    /// The same as a list.
    const fn list(self) -> Self {
        Self { is_list: true, ..self }
    }
}

const fn setting(key: &'static str, env: &'static str, default: &'static str, doc: &'static str) -> Setting {
    Setting { key, env, default, default_note: "", doc, is_list: false }
}

const fn computed(key: &'static str, env: &'static str, default_note: &'static str, doc: &'static str) -> Setting {
    Setting { key, env, default: "", default_note, doc, is_list: false }
}

/// Every setting, in the order of the documentation.
pub const SETTINGS: &[Setting] = &[
    setting("api_host", "API_HOST", "127.0.0.1", "Address to listen on."),
    setting("api_port", "API_PORT", "8000", "Port to listen on. 0: the system chooses one."),
    computed(
        "api_keys",
        "MORAG_API_KEYS",
        "`test-api-key` on a loopback address, else none",
        "API keys, comma separated. Without any, the server starts on loopback addresses only.",
    )
    .list(),
    computed(
        "api_key_weights",
        "MORAG_API_KEY_WEIGHTS",
        "1 for each",
        "Weights of the keys, in their order, comma separated, 1 to 1000: when tasks of several keys wait, each key gets its share of the workers.",
    )
    .list(),
    setting(
        "connections_per_peer",
        "MORAG_CONNECTIONS_PER_PEER",
        "512",
        "Concurrent connections from one address (in IPv6 one /64), 1 to 1024; the limit of all together is 1024. Behind a reverse proxy all callers have its address: set 1024.",
    ),
    setting(
        "role",
        "MORAG_ROLE",
        "all",
        "Roles of the process: `all`, or a comma separated list of `api`, `worker`, `dispatcher`. Anything but `all` needs `redis_url`.",
    )
    .list(),
    setting(
        "data_dir",
        "MORAG_DATA_DIR",
        "./data",
        "Folder of the embedded store, of files without `blobs_url`, and of compiled step components.",
    ),
    setting(
        "redis_url",
        "REDIS_URL",
        "",
        "Redis that keeps tasks, events and knowledge instead of the embedded store, for any number of processes.",
    ),
    setting(
        "redis_ca_file",
        "REDIS_CA_FILE",
        "",
        "Certificates (PEM) to trust for `rediss://`, instead of the public ones.",
    ),
    setting(
        "redis_key_prefix",
        "REDIS_KEY_PREFIX",
        "",
        "Prefix of every key in Redis, e.g. `morag:`, if others use the same database. At most 64 characters.",
    ),
    setting(
        "redis_accept_loss",
        "MORAG_REDIS_ACCEPT_LOSS",
        "",
        "Accepted risks of losing tasks, comma separated: `eviction` (`maxmemory-policy` is not `noeviction`), `restart` (`appendonly no`), `power_cut` (`appendfsync no`). Without it the server does not start on such a Redis.",
    )
    .list(),
    computed(
        "blobs_url",
        "MORAG_BLOBS_URL",
        "`files` in the data folder",
        "Bucket for files: `s3://bucket/prefix`, of Amazon or a compatible service.",
    ),
    computed(
        "s3_access_key_id",
        "AWS_ACCESS_KEY_ID",
        "the container's or machine's role",
        "Access key for `blobs_url`.",
    ),
    setting("s3_secret_access_key", "AWS_SECRET_ACCESS_KEY", "", "Secret of the access key: set both or neither."),
    computed("s3_region", "AWS_REGION", "`us-east-1`", "Region of the bucket."),
    computed(
        "s3_endpoint_url",
        "AWS_ENDPOINT_URL",
        "Amazon's",
        "Address of a compatible service, e.g. `https://minio.example:9000`. `http://` disables TLS.",
    ),
    computed(
        "plugins_dir",
        "MORAG_PLUGINS_DIR",
        "`plugins` beside the binary, else `./target/plugins`",
        "Folder of the step components (`*.wasm`).",
    ),
    setting(
        "plugins_reload_seconds",
        "MORAG_PLUGINS_RELOAD_SECONDS",
        "2",
        "Interval at which a worker checks for changed step components, seconds, at most 1 h; changes apply to new tasks. 0: only on SIGHUP or `POST /api/v1/plugins/reload`.",
    ),
    computed(
        "compile_cache_dir",
        "MORAG_COMPILE_CACHE_DIR",
        "`compiled` in the data folder",
        "Folder of compiled step components; components from registries are in `pulled`. Only the server's user may have access: the content is run as native code, and is not used if others may write to it.",
    ),
    setting(
        "compile_memory_bytes",
        "MORAG_COMPILE_MEMORY_BYTES",
        "1536MiB",
        "Memory limit of compiling one step component, 64MiB to 64GiB. Two are compiled at once, each in a process of its own.",
    ),
    setting(
        "compile_cpu_seconds",
        "MORAG_COMPILE_CPU_SECONDS",
        "120",
        "Processor time limit of compiling one step component, whole seconds, 1 s to 1 h.",
    ),
    setting(
        "disk_free_min",
        "MORAG_DISK_FREE_MIN",
        "256MiB",
        "Free space to keep on the disk of the embedded store and of files in the data folder: below it, submissions are refused with 507, and running tasks continue. Bytes, or with `KiB`, `MiB`, `GiB`; 0: no limit.",
    ),
    setting(
        "max_upload_size_bytes",
        "MORAG_MAX_UPLOAD_SIZE_BYTES",
        "100MiB",
        "Largest accepted file. Bytes, or with `KiB`, `MiB`, `GiB`.",
    ),
    computed("worker_concurrency", "MORAG_WORKER_CONCURRENCY", "number of cores", "Concurrent tasks, 1 to 1024."),
    setting(
        "queue_tasks_max",
        "MORAG_QUEUE_TASKS_MAX",
        "100000",
        "Largest number of waiting tasks. Above it, submissions are refused with 429. With several keys, each may take at most half of what the others leave free.",
    ),
    setting(
        "lease_seconds",
        "MORAG_LEASE_SECONDS",
        "30",
        "Lease of tasks and deliveries: how long they stay with a process that has stopped responding, 1 s to 1 h.",
    ),
    setting(
        "drain_timeout",
        "MORAG_DRAIN_TIMEOUT",
        "10",
        "How long running tasks and deliveries may continue after SIGTERM before they are released, seconds, at most 1 h.",
    ),
    setting(
        "process_wait_seconds",
        "MORAG_PROCESS_WAIT_SECONDS",
        "300",
        "How long `POST /api/v1/process` waits for `convert` and `process` to end, at most 1 h. The task continues after that.",
    ),
    setting(
        "fetch_timeout",
        "MORAG_FETCH_TIMEOUT",
        "60",
        "Timeout of fetching a document by its URL, from the first request to the last byte, seconds, at most 1 h.",
    ),
    setting(
        "fetch_allow_networks",
        "MORAG_FETCH_ALLOW_NETWORKS",
        "",
        "Networks (CIDR, comma separated) that documents may be fetched from although they are not public, e.g. `10.1.0.0/16`. Everyone who may submit a URL can read documents there.",
    )
    .list(),
    computed(
        "openai_base_url",
        "OPENAI_BASE_URL",
        "`https://api.openai.com/v1` where a key is set, else none",
        "Service of the capabilities `completions` and `transcription`, with an OpenAI-compatible API. Plugins never see the address.",
    ),
    setting("openai_api_key", "OPENAI_API_KEY", "", "Its API key, if it needs one. Plugins never see it."),
    setting("completions_model", "MORAG_COMPLETIONS_MODEL", "gpt-4o-mini", "Its model for `completions`."),
    setting(
        "completions_timeout",
        "MORAG_COMPLETIONS_TIMEOUT",
        "60",
        "Timeout of one completion, seconds, at most 1 h.",
    ),
    setting("transcription_model", "MORAG_TRANSCRIPTION_MODEL", "whisper-1", "Its model for `transcription`."),
    setting(
        "transcription_timeout",
        "MORAG_TRANSCRIPTION_TIMEOUT",
        "120",
        "Timeout of one transcription, including the upload, seconds, at most 1 h. A step's `wall_time` ends it too.",
    ),
    setting(
        "ocr",
        "MORAG_OCR",
        "pp-ocrv6-small",
        "What reads text in pictures, for the capability `ocr`: a model that was added by `morag models add`, `tesseract` (an installed program), or `off`.",
    ),
    setting(
        "ocr_threads",
        "MORAG_OCR_THREADS",
        "1",
        "Pictures that are read at once, each on one thread and with about 250 MB of memory, 1 to 64.",
    ),
    setting(
        "ocr_languages",
        "MORAG_OCR_LANGUAGES",
        "eng",
        "Languages of `tesseract`, comma separated, as it names them, e.g. `deu,eng`; at most 16. A model needs none.",
    )
    .list(),
    computed(
        "models_dir",
        "MORAG_MODELS_DIR",
        "`models` in the data folder",
        "Folder of the models that `morag models add` adds.",
    ),
    setting(
        "plugin_http_allow_networks",
        "MORAG_PLUGIN_HTTP_ALLOW_NETWORKS",
        "",
        "Networks (CIDR, comma separated) that plugins with the capability `http` may reach although they are not public, if their own rules allow the host too.",
    )
    .list(),
    setting(
        "webhook_timeout",
        "WEBHOOK_TIMEOUT",
        "30",
        "Timeout of one whole webhook exchange, seconds, at most 10 min.",
    ),
    setting("webhook_max_retries", "WEBHOOK_MAX_RETRIES", "3", "Retries after the first attempt, 0 to 20."),
    setting(
        "webhook_retry_delay",
        "WEBHOOK_RETRY_DELAY",
        "5",
        "Delay before the first retry, seconds. It doubles with each retry.",
    ),
    setting(
        "webhook_secret",
        "WEBHOOK_SECRET",
        "",
        "Secret that webhooks are signed with. Without it they are not signed.",
    ),
    setting(
        "webhook_previous_secret",
        "WEBHOOK_PREVIOUS_SECRET",
        "",
        "The secret before this one, while receivers change over: it signs `webhook-signature` too.",
    ),
    setting(
        "webhook_allow_networks",
        "WEBHOOK_ALLOW_NETWORKS",
        "",
        "Networks (CIDR, comma separated) that webhooks may reach although they are not public, e.g. `127.0.0.0/8`.",
    )
    .list(),
    setting(
        "webhook_proxy",
        "WEBHOOK_PROXY",
        "",
        "HTTP proxy that webhooks go through, `http://host:port` or with `user:password@`. Names are still resolved and checked here: the proxy gets CONNECT requests for the address.",
    ),
    setting(
        "webhook_retry_after_max",
        "WEBHOOK_RETRY_AFTER_MAX",
        "3600",
        "Longest `Retry-After` of a receiver that is honoured, seconds, at most a day.",
    ),
    setting(
        "webhook_disable_after_hours",
        "MORAG_WEBHOOK_DISABLE_AFTER_HOURS",
        "120",
        "A named endpoint is disabled when all attempts have failed for this long, hours.",
    ),
    setting(
        "webhook_give_up_after_hours",
        "MORAG_WEBHOOK_GIVE_UP_AFTER_HOURS",
        "168",
        "Webhooks whose events are older than this are given up once their receiver has failed for ten minutes, hours.",
    ),
    setting(
        "secrets_key",
        "MORAG_SECRETS_KEY",
        "",
        "Key that encrypts the stored credentials of named webhook endpoints and the `webhook_auth_token` of tasks: 32 random bytes, base64 or hexadecimal. With the embedded store, one is created in the data folder if none is given.",
    ),
    setting(
        "secrets_key_lost",
        "MORAG_SECRETS_KEY_LOST",
        "false",
        "`true`: start although the key that encrypted the stored credentials is lost. They stay unreadable, and the new key is used from then on. Set it for one start only.",
    ),
    setting(
        "webhook_unreadable_wait_seconds",
        "MORAG_WEBHOOK_UNREADABLE_WAIT_SECONDS",
        "60",
        "How long webhooks wait whose stored credentials cannot be read, until that is tried again, seconds, 1 to 3600.",
    ),
    setting("webhook_concurrency", "MORAG_WEBHOOK_CONCURRENCY", "128", "Concurrent deliveries, 2 to 4096."),
    setting(
        "webhook_endpoint_concurrency",
        "MORAG_WEBHOOK_ENDPOINT_CONCURRENCY",
        "16",
        "Concurrent deliveries to one endpoint or `webhook_url`, 1 to 1024.",
    ),
    setting(
        "webhook_host_concurrency",
        "MORAG_WEBHOOK_HOST_CONCURRENCY",
        "64",
        "Concurrent deliveries to one host and port, 1 to 4096.",
    ),
    setting(
        "history_retention_days",
        "MORAG_HISTORY_RETENTION_DAYS",
        "7",
        "How long an ended task and its events are kept, days.",
    ),
    setting(
        "temp_retention_hours",
        "MORAG_TEMP_RETENTION_HOURS",
        "168",
        "How long the files of an ended task are kept, hours.",
    ),
    setting(
        "idempotency_retention_hours",
        "MORAG_IDEMPOTENCY_RETENTION_HOURS",
        "168",
        "How long an `Idempotency-Key` is remembered, hours, at least 1.",
    ),
    setting("log_format", "MORAG_LOG_FORMAT", "text", "`text`, or `json`: one object per line."),
    setting("log", "RUST_LOG", "info", "Log filter, e.g. `info,morag_engine=debug`."),
];

/// Finds a setting by its name in `morag.toml`.
pub fn by_key(key: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.key == key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_a_list_where_its_text_says_so() {
        for setting in SETTINGS {
            assert_eq!(setting.is_list, setting.doc.contains("comma separated"), "{}", setting.key);
        }
        assert!(SETTINGS.iter().any(|setting| setting.is_list));
    }
}
