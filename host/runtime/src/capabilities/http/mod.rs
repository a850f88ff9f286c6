//! Capability `http`: `wasi:http`, requests to the hosts that the operator lists.
//!
//! The interface itself is wasmtime's; [`requests`] decides which requests are sent. A request goes through the operator's rules
//! (method, host, port) and, in the port behind it, through the address guard. Redirects are answers like others: a step that
//! follows one makes another request, which is judged like the first. A refused request has an error code for the step; the
//! reason is in the step's log.

mod body;
mod requests;
mod traffic;

use super::capability::{CallContext, CapabilityHost};
use crate::guest::Instance;
use crate::limits::{Meter, Reached};
use crate::state::State;
use morag_core::plugin::{Capability, FailureCode};
use morag_core::task::Resources;
use requests::Hooks;
use wasmtime::component::Linker;
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

/// The host's side.
pub(super) struct Http;

impl CapabilityHost for Http {
    fn capability(&self) -> Capability {
        Capability::Http
    }

    fn is_import(&self, import: &str) -> bool {
        import.starts_with("wasi:http/")
    }

    fn link(&self, linker: &mut Linker<Instance>) -> wasmtime::Result<()> {
        wasmtime_wasi_http::p2::add_only_http_to_linker_async(linker)
    }

    fn start(&self, call: &CallContext<'_>) -> Box<dyn State> {
        let (rules, client) = (call.grant.http.clone(), call.services.http.clone());
        Box::new(HttpState::new(Hooks::new(rules, Some(client), call.log.clone(), call.calls.clone())))
    }
}

impl WasiHttpView for Instance {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        let guest = self.called();
        // What the step asks another host for may be away, too: its failure says more than a service that it has done without.
        guest.not_usable = None;
        // A component that describes itself has the interface, and no request of it is allowed.
        let http = guest
            .states
            .get_or_add(|| HttpState::new(Hooks::new(Vec::new(), None, guest.log.clone(), guest.calls.clone())));
        http.settle(&mut guest.meter);
        WasiHttpCtxView { hooks: &mut http.hooks, table: &mut guest.table, ctx: &mut http.ctx }
    }
}

/// Requests of one call of a guest.
struct HttpState {
    ctx: WasiHttpCtx,
    hooks: Hooks,
    /// Requests so far.
    requests: u64,
}

impl HttpState {
    fn new(hooks: Hooks) -> Self {
        Self { ctx: WasiHttpCtx::new(), hooks, requests: 0 }
    }

    /// Counts a request. The step is stopped at the first one beyond its limit.
    fn count_request(&mut self, meter: &mut Meter) {
        self.requests = self.requests.saturating_add(1);
        let allowed = meter.limits.http_requests_max;
        if self.requests > allowed {
            meter.stop(Reached {
                code: FailureCode::HttpLimit,
                limit: "http_requests",
                allowed,
                measured: self.requests,
                unit: "requests",
                text: format!("the step made more than its {allowed} requests to other hosts"),
            });
        }
    }
}

impl State for HttpState {
    fn settle(&mut self, meter: &mut Meter) {
        self.hooks.traffic.settle(meter);
        for _ in 0..std::mem::take(&mut self.hooks.fresh_requests) {
            self.count_request(meter);
        }
        self.hooks.requests_left = meter.limits.http_requests_max.saturating_sub(self.requests);
    }

    fn report(&self, resources: &mut Resources) {
        resources.http_requests = self.requests;
    }
}

#[cfg(test)]
mod tests {
    use super::requests::IN_FLIGHT_MAX;
    use super::*;
    use crate::call_spans::CallSpans;
    use crate::log::StepLog;
    use async_trait::async_trait;
    use futures::StreamExt as _;
    use http_body_util::BodyExt as _;
    use morag_core::plugin::{HttpRule, Limits};
    use morag_core::ports::{PluginHttp, PluginHttpError, PluginHttpRequest, PluginHttpResponse};
    use std::sync::Arc;
    use wasmtime_wasi_http::Error;

    /// Answers at once, with a body that never ends.
    struct Endless;

    #[async_trait]
    impl PluginHttp for Endless {
        async fn send(&self, _: PluginHttpRequest) -> Result<PluginHttpResponse, PluginHttpError> {
            Ok(PluginHttpResponse { status: 200, headers: Vec::new(), body: futures::stream::pending().boxed() })
        }
    }

    #[tokio::test]
    async fn a_run_holds_a_limited_number_of_answers() {
        let rule = HttpRule { host: "a.example".into(), port: None, methods: Vec::new() };
        let mut http = HttpState::new(Hooks::new(
            vec![rule],
            Some(Arc::new(Endless)),
            StepLog::new(10, 1000),
            CallSpans::default(),
        ));
        http.settle(&mut Meter::new(Limits::default()));
        let request = || {
            let body = http_body_util::Empty::new().map_err(|never| match never {}).boxed_unsync();
            http::Request::get("http://a.example/").body(body).unwrap()
        };
        let mut held = Vec::new();
        for _ in 0..IN_FLIGHT_MAX {
            held.push(http.hooks.start(request(), None).unwrap().await.unwrap());
        }
        assert!(matches!(http.hooks.start(request(), None).err(), Some(Error::ConnectionLimitReached)));
        held.pop();
        assert!(http.hooks.start(request(), None).is_ok(), "a dropped answer releases its permit");
    }

    #[test]
    fn the_first_request_beyond_the_limit_stops_the_step() {
        let mut http = HttpState::new(Hooks::new(Vec::new(), None, StepLog::new(10, 1000), CallSpans::default()));
        let mut meter = Meter::new(Limits { http_requests_max: 1, ..Limits::default() });
        http.hooks.fresh_requests = 1;
        http.settle(&mut meter);
        assert_eq!((meter.reached.clone(), http.hooks.requests_left), (None, 0));
        http.hooks.fresh_requests = 2;
        http.settle(&mut meter);
        let reached = meter.reached.clone().unwrap();
        assert_eq!((reached.code, reached.limit, reached.unit), (FailureCode::HttpLimit, "http_requests", "requests"));
        assert_eq!((reached.allowed, reached.measured), (1, 2));
        let mut resources = Resources::default();
        http.report(&mut resources);
        assert_eq!(resources.http_requests, 3);
    }
}
