//! Guests that do harm in `describe`: they are not loaded.

use super::lab::refused;
use std::time::Duration;

#[track_caller]
fn says(line: &str, what: &str) {
    assert!(line.contains("failed to describe itself") && line.contains(what), "{line}");
}

pub async fn describe_traps() {
    says(&refused("describe_traps").await, "unreachable");
}

pub async fn describe_loops() {
    says(&refused("describe_loops").await, "took longer than 5 s");
}

pub async fn describe_hoards() {
    says(&refused("describe_hoards").await, "512 MiB of memory");
}

pub async fn describe_calls() {
    says(&refused("describe_calls").await, "must not use the task");
}

pub async fn descriptor_outside_memory() {
    says(&refused("descriptor_outside_memory").await, "out of bounds");
}

pub async fn descriptor_huge_list() {
    says(&refused("descriptor_huge_list").await, "list pointer/length out of bounds of memory");
}

pub async fn descriptor_long_media_type() {
    let line = refused("descriptor_long_media_type").await;
    assert!(line.contains("media type \"xxxx/xxx") && line.contains("at most 128 printable ASCII"), "{line}");
    assert!(line.len() < 1000, "the error is too long: {}", line.len());
}

pub async fn descriptor_odd_media_type() {
    let line = refused("descriptor_odd_media_type").await;
    assert!(line.contains(r#"media type "text/plain\r\nset-cookie: a" of an output is not"#), "{line}");
}

pub async fn descriptor_long_data_key() {
    let line = refused("descriptor_long_data_key").await;
    assert!(line.contains("data key \"xxx") && line.contains("is not 1 to 64 characters of A-Z a-z 0-9 _"), "{line}");
    assert!(line.len() < 1000, "the error is too long: {}", line.len());
}

pub async fn descriptor_unusable_schema() {
    let line = refused("descriptor_unusable_schema").await;
    assert!(line.contains("its configuration schema cannot be used: # refers to itself"), "{line}");
}

/// The server has only this thread here: a guest's `describe` must run on another one.
#[tokio::test(flavor = "current_thread")]
async fn describing_holds_up_none_of_the_servers_threads() {
    let before = computed_by_this_thread();
    says(&refused("describe_loops").await, "took longer than 5 s");
    let computed = computed_by_this_thread() - before;
    assert!(computed < Duration::from_secs(3), "{computed:?} of the 5 s");
}

/// Processor time of the calling thread.
fn computed_by_this_thread() -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(stat.split(' ').next().unwrap().parse().unwrap())
}

pub async fn descriptor_many_inputs() {
    let line = refused("descriptor_many_inputs").await;
    assert!(line.contains("it has 1000 inputs; a descriptor has at most 64"), "{line}");
}
