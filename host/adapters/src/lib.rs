//! Implementations of the core's ports: stores, blobs, webhook HTTP, embeddings.
