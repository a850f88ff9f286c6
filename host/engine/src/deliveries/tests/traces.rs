//! Which deliveries carry `traceparent`, where no exporter makes spans.

use super::stage::*;
use crate::testing::record;
use morag_core::task::TaskRecord;
use morag_core::webhook::EndpointId;

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[tokio::test(flavor = "multi_thread")]
async fn deliveries_carry_the_submissions_trace_unless_the_endpoint_says_no() {
    let endpoint = |id: &str, more: &str| {
        let secret = "0123456789abcdef01234567";
        format!(
            "[[webhook_endpoints]]\nid = \"{id}\"\nurl = \"http://{id}.example/hook\"\nsecret = \"{secret}\"\n{more}"
        )
    };
    let file = format!("{}{}", endpoint("told", ""), endpoint("untold", "trace = false\n"));
    let stage = Stage::with(&[], &file).await;
    let subscribers = ["told", "untold"].map(|id| EndpointId::from(id.to_owned())).to_vec();
    let traced = TaskRecord { trace: TRACE.parse().ok(), subscribers, ..record() };
    stage.task_of(traced, "own.example", 2, (None, None)).await;
    stage.task("nobodys.example", 2).await;
    let _dispatcher = stage.deliver();
    until_nothing_is_due(&stage).await;
    let traces = stage.receivers.traces.lock().unwrap();
    assert_eq!(
        (&traces["own.example"], &traces["told.example"]),
        (&vec![TRACE.to_owned(); 2], &vec![TRACE.to_owned(); 2])
    );
    assert_eq!(
        (&traces["untold.example"], &traces["nobodys.example"]),
        (&vec![String::new(); 2], &vec![String::new(); 2])
    );
}
