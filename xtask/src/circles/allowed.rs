//! Circles that are still there, each with the reason. The list only gets shorter: `cargo xtask circles` fails for an entry that is
//! no circle any more.

/// Files of one circle.
pub struct Allowed {
    /// Paths within the repository.
    pub files: &'static [&'static str],
    /// Why it is still there.
    pub reason: &'static str,
}

/// Every circle that may be there.
pub const ALLOWED: &[Allowed] = &[
    Allowed {
        files: &["host/adapters/src/oci/client.rs", "host/adapters/src/oci/login.rs"],
        reason: "logging in to a registry asks over the same client",
    },
    Allowed {
        files: &[
            "host/adapters/src/store/redis/agenda.rs",
            "host/adapters/src/store/redis/due_queue.rs",
            "host/adapters/src/store/redis/format.rs",
            "host/adapters/src/store/redis/kept.rs",
            "host/adapters/src/store/redis/lanes.rs",
            "host/adapters/src/store/redis/link.rs",
            "host/adapters/src/store/redis/records.rs",
            "host/adapters/src/store/redis/scripts.rs",
            "host/adapters/src/store/redis/store.rs",
            "host/adapters/src/store/redis/wake.rs",
        ],
        reason: "the Redis store is being put into layers",
    },
    Allowed {
        files: &[
            "host/adapters/src/store/sqlite/accept.rs",
            "host/adapters/src/store/sqlite/claims.rs",
            "host/adapters/src/store/sqlite/commit.rs",
            "host/adapters/src/store/sqlite/due_queue.rs",
            "host/adapters/src/store/sqlite/expire.rs",
            "host/adapters/src/store/sqlite/feed.rs",
            "host/adapters/src/store/sqlite/lanes.rs",
            "host/adapters/src/store/sqlite/pages.rs",
            "host/adapters/src/store/sqlite/quotas.rs",
            "host/adapters/src/store/sqlite/store.rs",
            "host/adapters/src/store/sqlite/summaries.rs",
            "host/adapters/src/store/sqlite/tasks.rs",
            "host/adapters/src/store/sqlite/wakes.rs",
        ],
        reason: "the SQLite store is being put into layers",
    },
    Allowed {
        files: &["host/adapters/src/store/sqlite/before_upgrade.rs", "host/adapters/src/store/sqlite/connection.rs"],
        reason: "a database is copied while it is opened",
    },
    Allowed {
        files: &[
            "host/api/src/access.rs",
            "host/api/src/audit.rs",
            "host/api/src/auth.rs",
            "host/api/src/fair.rs",
            "host/api/src/health.rs",
            "host/api/src/metrics.rs",
            "host/api/src/quota.rs",
            "host/api/src/state.rs",
        ],
        reason: "the state of the interface holds what its layers write to",
    },
    Allowed {
        files: &[
            "host/api/src/deliveries.rs",
            "host/api/src/endpoints/again.rs",
            "host/api/src/endpoints/deliveries.rs",
        ],
        reason: "deliveries of a task and of an endpoint are shown alike",
    },
    Allowed {
        files: &[
            "host/api/src/endpoints/create.rs",
            "host/api/src/submit/accept.rs",
            "host/api/src/submit/fields.rs",
            "host/api/src/submit/form.rs",
            "host/api/src/submit/given.rs",
            "host/api/src/submit/ingest.rs",
            "host/api/src/submit/items.rs",
            "host/api/src/submit/json.rs",
            "host/api/src/submit/remote.rs",
            "host/api/src/submit/upload.rs",
            "host/api/src/submit/url.rs",
            "host/api/src/submit/wish.rs",
        ],
        reason: "submitting is being put into layers",
    },
    Allowed {
        files: &["host/api/src/events/mod.rs", "host/api/src/events/of_all.rs", "host/api/src/events/of_task.rs"],
        reason: "both streams say the same at their end",
    },
    Allowed {
        files: &[
            "host/engine/src/app.rs",
            "host/engine/src/deliveries/attempt.rs",
            "host/engine/src/deliveries/deliver.rs",
            "host/engine/src/deliveries/dispatcher.rs",
            "host/engine/src/deliveries/endpoint_state.rs",
            "host/engine/src/deliveries/give_up.rs",
            "host/engine/src/deliveries/target.rs",
            "host/engine/src/deliveries/turns.rs",
            "host/engine/src/janitor.rs",
            "host/engine/src/lib.rs",
            "host/engine/src/metrics.rs",
            "host/engine/src/tasks/misfit.rs",
            "host/engine/src/tasks/run.rs",
            "host/engine/src/tasks/verify.rs",
            "host/engine/src/tasks/worker.rs",
        ],
        reason: "the App holds what its parts write to",
    },
    Allowed {
        files: &[
            "host/engine/src/config/at.rs",
            "host/engine/src/config/callers.rs",
            "host/engine/src/config/endpoints.rs",
            "host/engine/src/config/keys.rs",
            "host/engine/src/config/pipelines.rs",
            "host/engine/src/config/plugins.rs",
            "host/engine/src/config/sources.rs",
            "host/engine/src/config/values.rs",
        ],
        reason: "the sources of settings know the tables that others read",
    },
    Allowed {
        files: &["host/engine/src/lanes/mod.rs", "host/engine/src/lanes/owners.rs"],
        reason: "lanes know their owners, which know the state of lanes",
    },
    Allowed {
        files: &[
            "host/runtime/src/cache/mod.rs",
            "host/runtime/src/cache/trust.rs",
            "host/runtime/src/compile/refusals.rs",
        ],
        reason: "the cache asks for trust, which writes as the cache does",
    },
    Allowed {
        files: &[
            "host/runtime/src/bindings.rs",
            "host/runtime/src/capabilities/mod.rs",
            "host/runtime/src/capabilities/task.rs",
            "host/runtime/src/guest.rs",
            "host/runtime/src/plugin.rs",
            "host/runtime/src/registry.rs",
            "host/runtime/src/runner.rs",
        ],
        reason: "linking a capability needs the guest that it is linked for; the generated bindings name types of ours",
    },
];
