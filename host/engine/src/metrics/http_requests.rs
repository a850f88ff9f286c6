//! HTTP requests, by route.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use std::time::Duration;

/// Upper bounds, seconds: a read takes about a millisecond, an upload as long as its client sends.
const SECONDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByStatus {
    method: &'static str,
    route: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByRoute {
    method: &'static str,
    route: String,
}

/// Counts requests.
#[derive(Debug)]
pub struct HttpRequests {
    answered: Family<ByStatus, Counter>,
    seconds: Family<ByRoute, Histogram>,
}

impl Default for HttpRequests {
    fn default() -> Self {
        let seconds = Family::<ByRoute, Histogram>::new_with_constructor(|| Histogram::new(SECONDS));
        Self { answered: Family::default(), seconds }
    }
}

impl HttpRequests {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("http_requests", "HTTP requests whose answer has begun", self.answered.clone());
        registry.register_with_unit(
            "http_request",
            "Time from the head of a request to that of its answer, with the time its client takes to send the body; \
             what is streamed then is not in it, and requests that may wait for a task are left out",
            Unit::Seconds,
            self.seconds.clone(),
        );
    }

    /// A request was answered. `method` and `route` must be of bounded sets: the template of the route, never its path.
    /// `until_head` is the time to the response head; `None` for a request that may have waited for a task.
    pub fn answered(&self, method: &'static str, route: &str, status: u16, until_head: Option<Duration>) {
        self.answered.get_or_create(&ByStatus { method, route: route.to_owned(), status }).inc();
        if let Some(time) = until_head {
            self.seconds.get_or_create(&ByRoute { method, route: route.to_owned() }).observe(time.as_secs_f64());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_is_counted_and_only_those_that_tell_something_are_timed() {
        let (requests, mut registry) = (HttpRequests::default(), Registry::with_prefix("morag"));
        requests.register(&mut registry);
        requests.answered("GET", "/a/{id}", 200, Some(Duration::from_millis(3)));
        requests.answered("GET", "/a/{id}", 404, Some(Duration::from_millis(30)));
        requests.answered("GET", "/a/{id}", 200, None);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        for line in [
            "morag_http_requests_total{method=\"GET\",route=\"/a/{id}\",status=\"200\"} 2",
            "morag_http_requests_total{method=\"GET\",route=\"/a/{id}\",status=\"404\"} 1",
            "morag_http_request_seconds_bucket{le=\"0.005\",method=\"GET\",route=\"/a/{id}\"} 1",
            "morag_http_request_seconds_count{method=\"GET\",route=\"/a/{id}\"} 2",
        ] {
            assert!(text.lines().any(|known| known == line), "{line} is missing in {text}");
        }
    }
}
