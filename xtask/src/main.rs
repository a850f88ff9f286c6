//! Set-up, tests and benches of this repository as commands.
fn main() {}
