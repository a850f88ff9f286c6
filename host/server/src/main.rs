//! The binary `morag`.

fn main() -> std::process::ExitCode {
    morag_server::cli::main()
}
