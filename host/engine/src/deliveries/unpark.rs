//! Makes parked cursors due whose endpoint is enabled.
//!
//! The process that enables an endpoint makes its cursors due. One that parks a cursor at the same time may not know of that yet: it
//! looks afterwards ([`if_enabled`]), and because it may be killed in between, others look for ten minutes more ([`lately_enabled`]).

use crate::App;
use morag_core::ports::StoreError;
use morag_core::webhook::EndpointId;
use std::time::Duration;

/// How long after an endpoint was enabled, or a process was started with it in its `morag.toml`, its parked cursors are looked for.
const LOOKED_FOR: Duration = Duration::from_secs(600);

/// Version of an endpoint that was created, disabled and enabled. One with a lower version was not: looking for its parked cursors is
/// a call for each bucket of a Redis.
const VERSION_ENABLED_MIN: u64 = 3;

/// After a cursor of the endpoint was parked.
pub(super) async fn if_enabled(app: &App, id: &EndpointId) -> Result<(), StoreError> {
    if app.endpoints.fresh().await?.get(id).is_some_and(|opened| opened.endpoint.disabled.is_none()) {
        app.deliveries.unpark(id).await?;
    }
    Ok(())
}

/// For endpoints that were enabled lately. `running_for`: since this process was started.
pub(super) async fn lately_enabled(app: &App, running_for: Duration) -> Result<(), StoreError> {
    let known = app.endpoints.recent().await?;
    for opened in known.all().filter(|opened| opened.endpoint.disabled.is_none()) {
        let changed = app.clock.now().since(opened.endpoint.updated_at);
        let was_enabled = opened.endpoint.version >= VERSION_ENABLED_MIN && changed <= LOOKED_FOR;
        if was_enabled || (opened.is_configured && running_for <= LOOKED_FOR) {
            app.deliveries.unpark(&opened.endpoint.id).await?;
        }
    }
    Ok(())
}
