//! Names of the keys of vectors and graph.
//!
//! The documents of a collection are spread over 256 parts. What a document holds, what its revisions stage and the list of
//! the documents of the collection's part have the part's hash tag, so that one script publishes. A collection's model and
//! the revision's owner lie elsewhere.

use morag_core::ports::Revision;
use morag_core::task::DocumentId;
use uuid::Uuid;

/// One of 256 parts of a collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part(u8);

impl Part {
    /// The part that a document belongs to, the same in every version: FNV-1a of 64 bits, folded.
    pub(super) fn of(collection: &str, document: &DocumentId) -> Self {
        let bytes = format!("{}:{collection}:{document}", collection.len());
        let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        let hash = bytes.bytes().fold(0xcbf2_9ce4_8422_2325, mix);
        Self(hash.to_le_bytes().into_iter().fold(0, |folded, byte| folded ^ byte))
    }

    /// Every part.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        (0..=u8::MAX).map(Self)
    }
}

impl std::fmt::Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "k{:02x}", self.0)
    }
}

/// The names of keys, all with one prefix.
#[derive(Debug, Clone)]
pub(super) struct Keys(String);

/// Keys of what a revision holds.
#[derive(Debug, Clone)]
pub(super) struct Content {
    /// Hash: number to the vector's length, a 64-bit float, and its numbers, 32-bit floats; little-endian.
    pub(super) vectors: String,
    /// Hash: number to id, text and payload.
    pub(super) points: String,
    /// Hash: key to node.
    pub(super) nodes: String,
    /// List: edges.
    pub(super) edges: String,
    /// List: facts.
    pub(super) facts: String,
}

impl Content {
    /// All of its keys.
    pub(super) fn into_keys(self) -> [String; 5] {
        [self.vectors, self.points, self.nodes, self.edges, self.facts]
    }
}

impl Keys {
    pub(super) fn new(prefix: String) -> Self {
        Self(prefix)
    }

    fn of_revision(&self, kind: &str, part: Part, revision: Uuid) -> String {
        format!("{}knowledge_{kind}:{{{part}}}:{revision}", self.0)
    }

    // The length before the name keeps keys unambiguous, and the tag from being empty.
    fn of_collection(&self, kind: &str, collection: &str) -> String {
        format!("{}knowledge_{kind}:{{{}:{collection}}}", self.0, collection.len())
    }

    /// Hash: published document to its revision and counts.
    pub(super) fn documents(&self, part: Part, collection: &str) -> String {
        format!("{}knowledge_documents:{{{part}}}:{collection}", self.0)
    }

    /// List: the revisions of a document that were published, newest first.
    pub(super) fn published(&self, collection: &str, document: &DocumentId) -> String {
        let part = Part::of(collection, document);
        format!("{}knowledge_published:{{{part}}}:{}:{collection}:{document}", self.0, collection.len())
    }

    /// Hash: counts of what a revision has staged, and the token of the last call that did.
    pub(super) fn staged(&self, part: Part, revision: Uuid) -> String {
        self.of_revision("staged", part, revision)
    }

    /// Set: ids of a staged revision's points.
    pub(super) fn ids(&self, part: Part, revision: Uuid) -> String {
        self.of_revision("ids", part, revision)
    }

    /// What a revision holds, staged or published.
    pub(super) fn content(&self, part: Part, revision: Uuid) -> Content {
        Content {
            vectors: self.of_revision("vectors", part, revision),
            points: self.of_revision("points", part, revision),
            nodes: self.of_revision("nodes", part, revision),
            edges: self.of_revision("edges", part, revision),
            facts: self.of_revision("facts", part, revision),
        }
    }

    /// Hash: a collection's model and the length of its vectors.
    pub(super) fn model(&self, collection: &str) -> String {
        self.of_collection("model", collection)
    }

    /// Sorted set: revisions with points, by the time until which they hold the collection's model.
    pub(super) fn holders(&self, collection: &str) -> String {
        self.of_collection("holders", collection)
    }

    /// String: the collection and document that a revision belongs to.
    pub(super) fn owner(&self, revision: Uuid) -> String {
        format!("{}knowledge_owner:{{{revision}}}", self.0)
    }
}

/// A revision as a collection lists it among its holders.
pub(super) fn holder(revision: &Revision) -> String {
    format!("{}/{}", revision.id, revision.document)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_ambiguous_names_differ() {
        let keys = Keys::new("a:".into());
        let document = |name: &str| DocumentId::try_from(name.to_owned()).unwrap();
        assert_ne!(keys.published("a", &document("b-c")), keys.published("a-b", &document("c")));
        assert_eq!(keys.model("}"), "a:knowledge_model:{1:}}");
        let part = Part::of("books", &document("a"));
        assert_eq!(keys.documents(part, "books"), format!("a:knowledge_documents:{{{part}}}:books"));
    }

    #[test]
    fn documents_are_spread_over_parts_that_never_change() {
        let part = |n: usize| Part::of("books", &DocumentId::try_from(format!("d{n}")).unwrap());
        assert_eq!(part(1).to_string(), "k97");
        let mut filled = [0; 256];
        (0..25_600).for_each(|n| filled[usize::from(part(n).0)] += 1);
        assert!(filled.iter().all(|count| (40..200).contains(count)), "{filled:?}");
    }
}
