//! Embeds chunks and stores them with the graph.
