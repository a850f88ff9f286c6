//! Checks of settings whose types are those of adapters.

use morag_adapters::ai::{check_service_address, check_service_key};
use morag_adapters::store::redis::RedisUrl;
use morag_core::Secret;
use morag_engine::config::ValueCheck;

/// The checks. What they let pass also passes when the adapters are built.
pub const CHECKS: [ValueCheck; 5] = [
    ValueCheck { key: "redis_url", fault: |text| text.parse::<RedisUrl>().err().map(|error| format!("is {error}")) },
    ValueCheck {
        key: "openai_base_url",
        fault: |text| check_service_address(text).err().map(|error| error.to_string()),
    },
    ValueCheck {
        key: "openai_api_key",
        fault: |text| check_service_key(&Secret::new(text)).err().map(|error| error.to_string()),
    },
    ValueCheck { key: "ocr", fault: super::ocr::engine_fault },
    ValueCheck { key: "ocr_languages", fault: super::ocr::languages_fault },
];
