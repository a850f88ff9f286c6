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
    FULLNESS: "now", "fullness";
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
