//! Guests that do harm when they are asked what they are: they are not loaded.

use super::lab::refused;

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
    says(&refused("descriptor_huge_list").await, "");
}

pub async fn descriptor_many_inputs() {
    let line = refused("descriptor_many_inputs").await;
    assert!(line.contains("it has 1000 inputs; a descriptor has at most 64"), "{line}");
}
