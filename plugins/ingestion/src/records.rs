//! Points, nodes, edges and facts as the host takes them, within its limits.

use crate::input::{Chunk, Entity, Evidence, Metadata, Relation, Statement};
use crate::parts::Part;
use morag_step::{Data, Edge, Fact, Info, Node, Point, json};

/// Bytes of a key or a point's id at most (`wit/capabilities.wit`).
pub const KEY_BYTES_MAX: usize = 255;

/// Bytes of a payload or of properties at most, as JSON text (`wit/capabilities.wit`).
pub const PROPERTIES_BYTES_MAX: usize = 64 << 10;

/// Bytes of one string stored in a payload: a heading or a sentence is shorter, and a whole page that some other step calls a
/// heading must not push the rest out.
const STRING_BYTES_MAX: usize = 4 << 10;

/// Entries of one list stored in a payload; a chunk on more pages or an entity with more aliases is no longer a fine pointer.
const LIST_ITEMS_MAX: usize = 64;

/// An identifier within the host's limit. A longer one is cut, and gets a hash of the whole, so that different ones stay
/// different and the same one is the same in every document.
pub fn key(id: &str) -> String {
    if id.len() <= KEY_BYTES_MAX {
        return id.to_owned();
    }
    let hash = format!("~{:032x}", fnv1a_128(id.as_bytes()));
    format!("{}{hash}", &id[..id.floor_char_boundary(KEY_BYTES_MAX - hash.len())])
}

/// FNV-1a of 128 bits: a stable name, no protection against somebody who wants two ids to meet.
fn fnv1a_128(bytes: &[u8]) -> u128 {
    const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    bytes.iter().fold(OFFSET, |hash, byte| (hash ^ u128::from(*byte)).wrapping_mul(PRIME))
}

fn short(text: &str) -> &str {
    &text[..text.floor_char_boundary(STRING_BYTES_MAX)]
}

fn short_list(list: &[String]) -> Vec<&str> {
    list.iter().take(LIST_ITEMS_MAX).map(|text| short(text)).collect()
}

fn json_bytes(data: &Data) -> usize {
    serde_json::to_vec(data).map_or(usize::MAX, |text| text.len())
}

/// Drops keys, last one first, until the rest fits the host's limit.
fn fitted(mut data: Data) -> Data {
    while json_bytes(&data) > PROPERTIES_BYTES_MAX {
        let Some(last) = data.keys().next_back().cloned() else { break };
        data.remove(&last);
    }
    data
}

/// What every point of a document has in its payload.
pub struct Common {
    document_id: String,
    file_name: String,
    source_type: String,
    title: serde_json::Value,
    author: serde_json::Value,
    language: serde_json::Value,
    format: serde_json::Value,
    metadata: Data,
}

impl Common {
    /// From the task and `metadata.json`.
    pub fn new(info: &Info, metadata: &Metadata) -> Self {
        let text = |name: &str| match metadata.metadata.get(name) {
            Some(serde_json::Value::String(text)) => json!(short(text)),
            _ => serde_json::Value::Null,
        };
        Self {
            document_id: info.document_id.clone(),
            file_name: info.file_name.clone(),
            source_type: info.source_type.clone(),
            title: text("title"),
            author: text("author"),
            language: match (text("language"), &info.language) {
                (serde_json::Value::Null, Some(given)) => json!(given),
                (found, _) => found,
            },
            format: text("format"),
            metadata: info.metadata.clone(),
        }
    }
}

/// The point of a part. Its id is the chunk's index, with `.1`, `.2`, … for the further parts of a split chunk.
pub fn point(common: &Common, chunk: &Chunk, part: &Part<'_>, vector: Vec<f32>) -> Point {
    let id = match part.part {
        0 => chunk.index.to_string(),
        further => format!("{}.{further}", chunk.index),
    };
    let start = chunk.start + part.offset as u64;
    let split = part.text.len() < chunk.text.len();
    // The caller's metadata stand last: they are the first to go where the payload is too large.
    let mut payload = morag_step::data(json!({
        "document_id": common.document_id,
        "index": chunk.index,
        "start": start,
        "end": start + part.text.len() as u64,
        "method": chunk.method.as_deref().map(short),
        "pages": chunk.pages.iter().take(LIST_ITEMS_MAX).collect::<Vec<_>>(),
        "title": common.title,
        "author": common.author,
        "language": common.language,
        "format": common.format,
        "file_name": common.file_name,
        "source_type": common.source_type,
        "heading_path": short_list(&chunk.heading_path[..chunk.heading_path.len().min(LIST_ITEMS_MAX / 8)]),
    }));
    if split {
        payload.insert("part".into(), json!(part.part));
    } else {
        payload.insert("char_start".into(), json!(chunk.char_start));
        payload.insert("char_end".into(), json!(chunk.char_end));
    }
    payload.insert("metadata".into(), json!(common.metadata));
    Point { id, text: part.text.to_owned(), vector, payload: fitted(payload) }
}

/// The node of an entity.
pub fn node(entity: &Entity) -> Node {
    let properties = morag_step::data(json!({ "id": short(&entity.id), "aliases": short_list(&entity.aliases) }));
    Node {
        key: key(&entity.id),
        name: short(&entity.name).to_owned(),
        kind: short(&entity.kind).to_owned(),
        mentions: entity.mentions,
        properties: fitted(properties),
    }
}

/// The edge of a relation.
pub fn edge(relation: &Relation, document_id: &str) -> Edge {
    let mut properties = provenance(relation.method.as_deref(), relation.evidence.as_ref(), document_id);
    if let Some(count) = relation.count {
        properties.insert("count".into(), json!(count));
    }
    Edge {
        source: key(&relation.source),
        target: key(&relation.target),
        kind: short(&relation.kind).to_owned(),
        properties,
    }
}

/// The fact of a statement.
pub fn fact(statement: &Statement, document_id: &str) -> Fact {
    Fact {
        subject: short(&statement.subject).to_owned(),
        predicate: short(&statement.predicate).to_owned(),
        object: short(&statement.object).to_owned(),
        properties: provenance(statement.method.as_deref(), statement.evidence.as_ref(), document_id),
    }
}

fn provenance(method: Option<&str>, evidence: Option<&Evidence>, document_id: &str) -> Data {
    let mut properties = morag_step::data(json!({ "document_id": document_id, "method": method.map(short) }));
    if let Some(evidence) = evidence {
        let text = short(&evidence.text);
        // A cut sentence gets the end of what is left, so that the offsets still fit the text.
        let end = if text.len() < evidence.text.len() { evidence.start + text.len() as u64 } else { evidence.end };
        properties.insert("evidence".into(), json!({ "text": text, "start": evidence.start, "end": end }));
    }
    properties
}

/// About how many bytes of the host's memory and of the call a record takes.
pub fn size(strings: &[&str], properties: &Data) -> usize {
    strings.iter().map(|text| text.len()).sum::<usize>().saturating_add(json_bytes(properties))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_payload_too_large_loses_the_callers_metadata_first() {
        let mut info = Info { document_id: "d".into(), ..Info::default() };
        info.metadata.insert("blob".into(), json!("x".repeat(PROPERTIES_BYTES_MAX)));
        let common = Common::new(&info, &Metadata::default());
        let chunk = Chunk {
            text: "text".into(),
            heading_path: vec!["\u{1}".repeat(1 << 20); 100],
            pages: (0..100_000).collect(),
            ..Chunk::default()
        };
        let part = Part { chunk: 0, part: 0, offset: 0, text: "text" };
        let point = point(&common, &chunk, &part, vec![1.0]);
        assert!(json_bytes(&point.payload) <= PROPERTIES_BYTES_MAX);
        assert!(!point.payload.contains_key("metadata"));
        assert_eq!(point.payload["document_id"], "d");
        assert_eq!(point.payload["end"], 4);
    }

    #[test]
    fn a_long_sentence_is_cut_with_its_end() {
        let text = "ä".repeat(STRING_BYTES_MAX);
        let evidence = Evidence { text: text.clone(), start: 10, end: 10 + text.len() as u64 };
        let statement = Statement { evidence: Some(evidence), ..Statement::default() };
        let stored = fact(&statement, "d").properties;
        let kept = stored["evidence"]["text"].as_str().map_or(0, str::len) as u64;
        assert_eq!(stored["evidence"]["end"], 10 + kept);
        assert!(kept <= STRING_BYTES_MAX as u64 && kept > 0);
    }

    proptest! {
        #[test]
        fn keys_are_short_stable_and_distinct(prefix in "[a-zä漢]{80,200}", one in "[a-z]{100}", two in "[a-z]{100}") {
            let (one, two) = (format!("{prefix}{one}"), format!("{prefix}{two}"));
            prop_assert!(key(&one).len() <= KEY_BYTES_MAX);
            prop_assert_eq!(key(&one), key(&one));
            prop_assert_eq!(key(&one) == key(&two), one == two);
        }
    }
}
