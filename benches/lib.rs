//! Benchmarks: `cargo bench -p morag-benches`. Each prints a time of ours beside one of something outside us, measured in
//! the same run, because machines here are noisy. They assert nothing.
