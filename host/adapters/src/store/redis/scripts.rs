//! The Lua scripts, each with what it needs before it.

use super::link::Script;
use std::sync::LazyLock;

macro_rules! scripts {
    ($($name:ident: $($file:literal),+;)+) => {
        $(
            pub(super) static $name: LazyLock<Script> =
                LazyLock::new(|| Script::new(concat!($(include_str!(concat!("lua/", $file, ".lua"))),+)));
        )+
    };
}

scripts! {
    ACCEPT: "accept";
    ADVANCE: "now", "place", "advance";
    CLAIM: "now", "claim";
    CLAIM_DOCUMENT: "claim_document";
    COMMIT: "now", "place", "commit";
    COUNTS: "counts";
    ENTER: "now", "enter";
    EXPIRE: "expire";
    FEED: "feed";
    FULLNESS: "now", "fullness";
    KNOWLEDGE_DISCARD: "knowledge_discard";
    KNOWLEDGE_LOOK: "knowledge_look";
    KNOWLEDGE_NODE_KEYS: "knowledge_node_keys";
    KNOWLEDGE_OWNER: "knowledge_owner";
    KNOWLEDGE_PIN: "now", "knowledge_pin";
    KNOWLEDGE_PUBLISH: "knowledge_publish";
    KNOWLEDGE_RELEASE: "knowledge_release";
    KNOWLEDGE_RESERVE: "now", "knowledge_reserve";
    KNOWLEDGE_STAGE_EDGES: "knowledge_stage", "knowledge_stage_edges";
    KNOWLEDGE_STAGE_FACTS: "knowledge_stage", "knowledge_stage_facts";
    KNOWLEDGE_STAGE_NODES: "knowledge_stage", "knowledge_stage_nodes";
    KNOWLEDGE_STAGE_POINTS: "knowledge_stage", "knowledge_stage_points";
    LEAVE: "now", "leave";
    LOAD: "load";
    PENDING: "pending";
    RELEASE: "now", "place", "release";
    RENEW: "now", "renew";
    RESERVE_KEY: "reserve_key";
    SETTLE_DOCUMENT: "settle_document";
    SETTLE_KEY: "settle_key";
    VETO: "veto";
}
