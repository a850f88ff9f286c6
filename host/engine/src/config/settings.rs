//! Every setting, with its names, default and meaning. The one list: loading, README and `config.default.toml` follow it.

/// One setting.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Name in `morag.toml`.
    pub key: &'static str,
    /// Name in the environment.
    pub env: &'static str,
    /// Default as it would be written; empty: none.
    pub default: &'static str,
    /// What the default is where it is no constant; shown instead of `default`.
    pub default_note: &'static str,
    /// What it is, with unit and limits.
    pub doc: &'static str,
}

const fn setting(key: &'static str, env: &'static str, default: &'static str, doc: &'static str) -> Setting {
    Setting { key, env, default, default_note: "", doc }
}

const fn computed(key: &'static str, env: &'static str, default_note: &'static str, doc: &'static str) -> Setting {
    Setting { key, env, default: "", default_note, doc }
}

/// Every setting, in the order of the documentation.
pub const SETTINGS: &[Setting] = &[
    setting("api_host", "API_HOST", "127.0.0.1", "Address to listen on."),
    setting("api_port", "API_PORT", "8000", "Port to listen on. 0: the system chooses one."),
    computed(
        "api_keys",
        "MORAG_API_KEYS",
        "`test-api-key` on a loopback address, else none",
        "Keys that callers may use, comma separated. Without any, the server starts on loopback addresses only.",
    ),
    computed(
        "api_key_weights",
        "MORAG_API_KEY_WEIGHTS",
        "1 for each",
        "Weights of the keys, in their order, comma separated, 1 to 1000: where tasks of several keys wait, each key has its share of the workers.",
    ),
    setting(
        "connections_per_peer",
        "MORAG_CONNECTIONS_PER_PEER",
        "512",
        "Connections at once from one address (of IPv6 one /64), 1 to 1024; there are 1024 in all. Behind a reverse proxy every caller has its address: give 1024 there.",
    ),
    setting(
        "role",
        "MORAG_ROLE",
        "all",
        "What the process does: `all`, or a comma separated list of `api`, `worker`, `dispatcher`. Anything but `all` needs `redis_url`.",
    ),
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
        "What every key in Redis begins with, e.g. `morag:`, where others use the same database. At most 64 characters.",
    ),
    setting(
        "redis_accept_loss",
        "MORAG_REDIS_ACCEPT_LOSS",
        "",
        "Ways of losing tasks that you allow, comma separated: `eviction` (`maxmemory-policy` is not `noeviction`), `restart` (`appendonly no`), `power_cut` (`appendfsync no`). Without it the server does not start on such a Redis.",
    ),
    computed(
        "blobs_url",
        "MORAG_BLOBS_URL",
        "`files` in the data folder",
        "Where files are kept: `s3://bucket/prefix`, of Amazon or a compatible service.",
    ),
    computed(
        "s3_access_key_id",
        "AWS_ACCESS_KEY_ID",
        "the container's or machine's role",
        "Access key for `blobs_url`.",
    ),
    setting("s3_secret_access_key", "AWS_SECRET_ACCESS_KEY", "", "Its secret: both or neither."),
    computed("s3_region", "AWS_REGION", "`us-east-1`", "Region of the bucket."),
    computed(
        "s3_endpoint_url",
        "AWS_ENDPOINT_URL",
        "Amazon's",
        "Where a compatible service is, e.g. `https://minio.example:9000`. Only `http://` is without TLS.",
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
        "How often a worker looks whether a step component changed, seconds, at most 1 h; what changed is used for new tasks. 0: only when asked by SIGHUP or `POST /api/v1/plugins/reload`.",
    ),
    computed(
        "compile_cache_dir",
        "MORAG_COMPILE_CACHE_DIR",
        "`compiled` in the data folder",
        "Folder of compiled step components, and in `pulled` of those from registries. Must be the server's user's alone: what is in it is run as native code, and is not used where others may write.",
    ),
    setting(
        "compile_memory_bytes",
        "MORAG_COMPILE_MEMORY_BYTES",
        "1536MiB",
        "Memory that compiling one step component may take, 64MiB to 64GiB. Two are compiled at once, each in a process of its own.",
    ),
    setting(
        "compile_cpu_seconds",
        "MORAG_COMPILE_CPU_SECONDS",
        "120",
        "Processor time that compiling one step component may take, whole seconds, 1 s to 1 h.",
    ),
    setting(
        "disk_free_min",
        "MORAG_DISK_FREE_MIN",
        "256MiB",
        "Room that stays free on the disk of the embedded store and of files in the data folder: below it, submitting answers 507, and what runs goes on. Bytes, or with `KiB`, `MiB`, `GiB`; 0: no such limit.",
    ),
    setting(
        "max_upload_size_bytes",
        "MORAG_MAX_UPLOAD_SIZE_BYTES",
        "100MiB",
        "Largest file that is taken. Bytes, or with `KiB`, `MiB`, `GiB`.",
    ),
    computed("worker_concurrency", "MORAG_WORKER_CONCURRENCY", "number of cores", "Tasks that run at once, 1 to 1024."),
    setting(
        "queue_tasks_max",
        "MORAG_QUEUE_TASKS_MAX",
        "100000",
        "Tasks that may wait. Beyond it, submitting answers 429. With several keys, each leaves the others as many places as its tasks take.",
    ),
    setting(
        "lease_seconds",
        "MORAG_LEASE_SECONDS",
        "30",
        "How long work stays with a worker that has stopped answering, 1 s to 1 h.",
    ),
    setting(
        "drain_timeout",
        "MORAG_DRAIN_TIMEOUT",
        "10",
        "How long what runs may go on after SIGTERM before it is handed back, seconds, at most 1 h.",
    ),
    setting(
        "process_wait_seconds",
        "MORAG_PROCESS_WAIT_SECONDS",
        "300",
        "How long `POST /api/v1/process` waits for `convert` and `process` to end, at most 1 h. The task goes on after it.",
    ),
    setting(
        "fetch_timeout",
        "MORAG_FETCH_TIMEOUT",
        "60",
        "Limit of fetching a document by its URL, redirects and the last byte included, seconds, at most 1 h.",
    ),
    setting(
        "fetch_allow_networks",
        "MORAG_FETCH_ALLOW_NETWORKS",
        "",
        "Networks (CIDR, comma separated) that documents may be fetched from although they are not public, e.g. `10.1.0.0/16`. Whoever may submit a URL can read what is there.",
    ),
    computed(
        "openai_base_url",
        "OPENAI_BASE_URL",
        "`https://api.openai.com/v1` where a key is set, else none",
        "Service of the capabilities `completions` and `transcription`, by OpenAI's protocol. Plugins never see it.",
    ),
    setting("openai_api_key", "OPENAI_API_KEY", "", "Key to it, where it wants one. Plugins never see it."),
    setting("completions_model", "MORAG_COMPLETIONS_MODEL", "gpt-4o-mini", "Its model for `completions`."),
    setting("completions_timeout", "MORAG_COMPLETIONS_TIMEOUT", "60", "Limit of one completion, seconds, at most 1 h."),
    setting("transcription_model", "MORAG_TRANSCRIPTION_MODEL", "whisper-1", "Its model for `transcription`."),
    setting(
        "transcription_timeout",
        "MORAG_TRANSCRIPTION_TIMEOUT",
        "120",
        "Limit of one transcription, the recording's way there included, seconds, at most 1 h. A step's `wall_time` ends it too.",
    ),
    setting(
        "plugin_http_allow_networks",
        "MORAG_PLUGIN_HTTP_ALLOW_NETWORKS",
        "",
        "Networks (CIDR, comma separated) that plugins with the capability `http` may reach although they are not public, where their own rules allow the host too.",
    ),
    setting(
        "webhook_timeout",
        "WEBHOOK_TIMEOUT",
        "30",
        "Limit of one whole webhook exchange, seconds, at most 10 min.",
    ),
    setting("webhook_max_retries", "WEBHOOK_MAX_RETRIES", "3", "Retries after the first attempt, 0 to 20."),
    setting(
        "webhook_retry_delay",
        "WEBHOOK_RETRY_DELAY",
        "5",
        "Delay before the first retry, seconds. It doubles with each further one.",
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
    ),
    setting(
        "webhook_proxy",
        "WEBHOOK_PROXY",
        "",
        "HTTP proxy that webhooks go through, `http://host:port` or with `user:password@`. Names are still looked up and judged here: it is asked to CONNECT to the address.",
    ),
    setting(
        "webhook_retry_after_max",
        "WEBHOOK_RETRY_AFTER_MAX",
        "3600",
        "Longest `Retry-After` of a receiver that is believed, seconds, at most a day.",
    ),
    setting(
        "webhook_disable_after_hours",
        "MORAG_WEBHOOK_DISABLE_AFTER_HOURS",
        "120",
        "A named endpoint whose attempts have all failed for so long is disabled, hours.",
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
        "Key that credentials of named webhook endpoints and the `webhook_auth_token` of tasks are stored with: 32 random bytes, base64 or hexadecimal. With the embedded store, one is made in the data folder where none is given.",
    ),
    setting(
        "secrets_key_lost",
        "MORAG_SECRETS_KEY_LOST",
        "false",
        "`true`: start although the key that encrypted the stored credentials is lost. They stay unreadable, and the new key is used from then on. Set it for one start only.",
    ),
    setting("webhook_concurrency", "MORAG_WEBHOOK_CONCURRENCY", "128", "Deliveries under way at once, 2 to 4096."),
    setting(
        "webhook_endpoint_concurrency",
        "MORAG_WEBHOOK_ENDPOINT_CONCURRENCY",
        "16",
        "Deliveries under way at once to one endpoint or `webhook_url`, 1 to 1024.",
    ),
    setting(
        "webhook_host_concurrency",
        "MORAG_WEBHOOK_HOST_CONCURRENCY",
        "64",
        "Deliveries under way at once to one host and port, 1 to 4096.",
    ),
    setting(
        "history_retention_days",
        "MORAG_HISTORY_RETENTION_DAYS",
        "7",
        "How long an ended task and its events stay, days.",
    ),
    setting(
        "temp_retention_hours",
        "MORAG_TEMP_RETENTION_HOURS",
        "168",
        "How long the files of an ended task stay, hours.",
    ),
    setting(
        "idempotency_retention_hours",
        "MORAG_IDEMPOTENCY_RETENTION_HOURS",
        "168",
        "How long an `Idempotency-Key` is remembered, hours, at least 1.",
    ),
    setting("log_format", "MORAG_LOG_FORMAT", "text", "`text`, or `json`: one object a line."),
    setting("log", "RUST_LOG", "info", "What is logged, e.g. `info,morag_engine=debug`."),
];

/// A setting by its name in `morag.toml`.
pub fn by_key(key: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.key == key)
}
