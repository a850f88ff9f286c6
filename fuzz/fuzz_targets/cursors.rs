//! Ids and positions that come back from callers and from the store: of events, cursors, tasks, files.
#![no_main]

use libfuzzer_sys::fuzz_target;
use morag_core::ports::FeedPosition;
use morag_core::task::{ArtifactName, DocumentId, TaskId};
use morag_core::webhook::CursorName;

fuzz_target!(|text: &str| {
    if let Ok(position) = text.parse::<FeedPosition>() {
        assert_eq!(position.to_string().parse::<FeedPosition>().ok(), Some(position));
        let _ = (position.event(), position.moment());
    }
    if let Ok(name) = text.parse::<CursorName>() {
        assert_eq!(name.to_string().parse::<CursorName>().ok(), Some(name));
    }
    if let Some((task, name)) = CursorName::parse_key(text) {
        assert_eq!(CursorName::parse_key(&name.key(task)), Some((task, name)));
    }
    let _ = CursorName::lane_of_key(text);
    if let Ok(task) = text.parse::<TaskId>() {
        assert_eq!(task.to_string().parse::<TaskId>().ok(), Some(task));
    }
    if let Ok(name) = text.parse::<ArtifactName>() {
        // Part of a path in the file storage.
        assert!(!name.as_str().contains(['/', '\\', '\0']) && !matches!(name.as_str(), "" | "." | ".."));
    }
    if let Ok(document) = DocumentId::try_from(text.to_owned()) {
        assert!(!document.as_str().contains(['<', '>', '"', '\'', '&', '\r', '\n', '\t']));
    }
});
