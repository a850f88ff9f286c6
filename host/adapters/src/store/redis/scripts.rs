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
    ACCEPT: "now", "ready", "bytes", "accept";
    ADVANCE: "now", "ready", "place", "advance";
    CHAIN_FINISH: "now", "chain", "chain_finish";
    CHAIN_LINKS: "now", "chain", "chain_links";
    CHAIN_TURN: "now", "chain", "chain_turn";
    CLAIM: "now", "ready", "claim";
    CLAIM_DOCUMENT: "claim_document";
    COMMIT: "now", "ready", "place", "tenant", "bytes", "commit";
    COUNTS: "counts";
    ENDPOINTS_READ: "endpoints_read";
    ENDPOINT_PAGE: "endpoint_page";
    ENDPOINT_PUT: "creators", "endpoint_put";
    ENDPOINT_REMOVE: "creators", "endpoint_remove";
    ENTER: "now", "enter";
    EXPIRE: "now", "ready", "tenant", "bytes", "expire";
    FEED: "feed";
    FORGET_BYTES: "tenant", "bytes", "forget_bytes";
    FORMAT: "format";
    FULLNESS: "now", "fullness";
    IDENTITY: "identity";
    HASTEN: "now", "ready", "place", "hasten";
    KEY_VALUE_DELETE: "key_value_delete";
    KEY_VALUE_SET: "key_value_set";
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
    READ_KEY: "read_key";
    RELEASE: "now", "ready", "place", "release";
    RENEW: "now", "ready", "renew";
    RESEND: "now", "ready", "place", "resend";
    RESERVE_KEY: "reserve_key";
    SEAL_PROOF: "seal_proof";
    SETTLE_DOCUMENT: "settle_document";
    SETTLE_KEY: "settle_key";
    TAKE: "now", "ready", "take";
    UNPARK: "now", "ready", "place", "unpark";
    VETO: "veto";
}
