//! Benchmarks: `cargo bench -p morag-benches`. Each prints a time of ours beside a baseline measured in the same run, because machines here
//! are noisy. They assert nothing.
