//! Tasks stored before summaries were introduced.

use super::lab::{Lab, ask};
use crate::backends::Backend;
use crate::samples::{accept, append, task};
use morag_core::ports::ListFilter;
use morag_core::task::RecordSummary;

#[tokio::test]
async fn a_task_without_a_summary_is_listed_by_its_record() {
    let lab = Lab::new().await;
    let store = lab.store();
    let new = task(&lab, &["task"]);
    let (id, accepted) = (new.record.id, RecordSummary::of(&new.record));
    accept(&*store, new).await;
    append(&lab, id, 2).await.unwrap();
    assert_eq!(ask(&["hdel", &lab.of_task("task", id), "summary"]), "1");
    let page = store.list(&ListFilter { limit: 10, ..ListFilter::default() }).await.unwrap();
    assert_eq!(page.items.iter().map(|item| (item.task, &item.accepted)).collect::<Vec<_>>(), [(id, &accepted)]);
    let outline = store.outline(id).await.unwrap().unwrap();
    assert_eq!((outline.accepted, outline.event_types.len()), (accepted, 2));
}
