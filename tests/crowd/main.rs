//! Fifty good steps beside fifty hostile ones.

use morag_tests::crowd::{Crowd, PeakMemory, limits, resident_bytes};
use std::collections::BTreeSet;

/// As a server on a small machine.
const WORKERS: usize = 8;

/// What a second crowd may leave behind beyond the first. Slots of the pool keep 4 MiB of a memory resident, and not every round
/// fills the same ones: 18 slots hold 72 MiB. A crowd takes 5 times 32 MiB by its memory bombs alone, and writes 40 MiB, so
/// what is not given back shows.
const GROWTH_BYTES_MAX: u64 = 96 << 20;

/// What the host holds for a run beside the guest's memory: a blob's read-ahead and a call's copy (1 MiB each), a log of 256 KiB,
/// what the allocator has not given back yet.
const HOST_BYTES_A_RUN: u64 = 16 << 20;

/// What a round may take at any time beyond what was resident before it: as many runs as there are workers, and what a crowd may
/// leave behind. Were the memory of one run kept while the next ones run, fifty hostile ones would go beyond it.
fn peak_bytes_max() -> u64 {
    WORKERS as u64 * (limits().memory_bytes_max + HOST_BYTES_A_RUN) + GROWTH_BYTES_MAX
}

#[tokio::test(flavor = "multi_thread")]
async fn good_steps_succeed_beside_hostile_ones_and_memory_comes_back() {
    let crowd = Crowd::new(WORKERS).await;
    // The first fills caches and the pool's slots.
    crowd.round(50, 50).await;
    let before = resident_bytes();
    for _ in 0..2 {
        let (resident, peak) = (resident_bytes(), PeakMemory::watch());
        let round = crowd.round(50, 50).await;
        let taken = peak.end().saturating_sub(resident);
        println!("{} MiB at the most, of {}", taken >> 20, peak_bytes_max() >> 20);
        assert!(taken < peak_bytes_max(), "{} MiB at once, of {}", taken >> 20, peak_bytes_max() >> 20);
        assert_eq!((round.good.len(), round.hostile.len()), (50, 50));
        let codes: BTreeSet<_> = round.hostile.iter().map(String::as_str).collect();
        let expected = [
            "PLUGIN_CPU_LIMIT",
            "PLUGIN_HANDLE_LIMIT",
            "PLUGIN_HOST_CALL_LIMIT",
            "PLUGIN_HOST_LIMIT",
            "PLUGIN_MEMORY_LIMIT",
            "PLUGIN_OUTPUT_LIMIT",
            "PLUGIN_STACK_LIMIT",
            "PLUGIN_TABLE_LIMIT",
            "none",
        ];
        assert_eq!(codes, BTreeSet::from(expected));
    }
    let growth = resident_bytes().saturating_sub(before);
    assert!(growth < GROWTH_BYTES_MAX, "{} MiB more than after the first crowd", growth >> 20);
}
