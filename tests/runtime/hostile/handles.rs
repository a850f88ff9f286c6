//! Guests that use invalid handles.

use super::lab::{breaks_the_interface, reaches, wide_limits};

pub async fn use_after_drop() {
    breaks_the_interface("use_after_drop", "PLUGIN_CALL_INVALID").await;
}

pub async fn double_drop() {
    breaks_the_interface("double_drop", "PLUGIN_CALL_INVALID").await;
}

pub async fn foreign_handle() {
    breaks_the_interface("foreign_handle", "PLUGIN_CALL_INVALID").await;
}

pub async fn wrong_handle() {
    breaks_the_interface("wrong_handle", "PLUGIN_CALL_INVALID").await;
}

pub async fn handle_flood() {
    let measured = reaches("handle_flood", wide_limits(), "PLUGIN_HANDLE_LIMIT", "handles", 64, "handles").await;
    assert_eq!(measured, 65);
}
