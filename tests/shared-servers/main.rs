//! Starts the servers that all test processes share: see `morag_tests::shared`.

fn main() -> std::io::Result<()> {
    morag_tests::shared::serve()
}
