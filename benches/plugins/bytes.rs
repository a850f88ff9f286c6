//! Copies 1 MiB through a step by `blob.read` and `artifact-writer`; the baseline is the same copy in this process without a sandbox.

use crate::measure::{Took, line, ratio, steps, take_turns};
use morag_core::plugin::Limits;
use morag_tests::sandbox::{Sandbox, guest};
use tokio::runtime::Runtime;

/// Measured rounds, and calls in each.
const ROUNDS: usize = 20;
const CALLS: u32 = 20;
/// Size of the input and of the output.
const BYTES: usize = 1 << 20;

/// Measures and prints.
///
/// # Errors
/// If the guest is missing.
pub fn run(runtime: &Runtime) -> anyhow::Result<()> {
    let sandbox = runtime.block_on(Sandbox::load(vec![guest("misbehave")], Limits::default()))?;
    let document: Vec<u8> = (0..BYTES).map(|n| (n % 251) as u8).collect();
    let call = runtime.block_on(sandbox.call("echo", &document));
    let folder = tempfile::tempdir()?;
    let (source, copy) = (folder.path().join("source"), folder.path().join("copy"));
    std::fs::write(&source, &document)?;

    let mut ours = steps(runtime, &sandbox, &call);
    let mut plain = |calls| {
        Took::of(|| {
            runtime.block_on(async {
                for _ in 0..calls {
                    let bytes = tokio::fs::read(&source).await?;
                    let digest = <sha2::Sha256 as sha2::Digest>::digest(&bytes);
                    std::hint::black_box(digest);
                    tokio::fs::write(&copy, &bytes).await?;
                }
                Ok(())
            })
        })
    };
    let [ours, plain] = take_turns(ROUNDS, CALLS, [&mut ours, &mut plain])?;
    println!("1 MiB in through blob.read and out through artifact-writer");
    line("a step", ours);
    line("baseline: read, SHA-256 and write", plain);
    ratio("a step : no sandbox", ours, plain);
    Ok(())
}
