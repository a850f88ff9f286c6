//! Fifty good steps beside fifty hostile ones.

use morag_tests::crowd::{Crowd, PeakMemory, resident_bytes};
use std::collections::BTreeSet;

/// Workers, as in a server on a small machine.
const WORKERS: usize = 8;

/// Memory that a second crowd may leave in addition to the first. Slots of the pool keep 4 MiB of a memory resident, and each round fills
/// other slots: 18 slots hold 72 MiB. A crowd uses 5 times 32 MiB for its memory bombs alone, and writes 40 MiB, so a leak would show.
const GROWTH_BYTES_MAX: u64 = 96 << 20;

/// Peak memory of a round above the resident memory before it: that of its five memory bombs. The concurrent runs contain at most two
/// bombs, because one in twenty is a bomb, and six that use at most a third of that: 55 MiB were measured. If the memory of a run were kept
/// while later ones run, the bombs alone would reach this limit.
const PEAK_BYTES_MAX: u64 = 5 * (32 << 20);

#[tokio::test(flavor = "multi_thread")]
async fn good_steps_succeed_beside_hostile_ones_and_memory_comes_back() {
    let crowd = Crowd::new(WORKERS).await;
    // The first round fills caches and the pool's slots.
    crowd.round(50, 50).await;
    let before = resident_bytes();
    for _ in 0..2 {
        let (resident, peak) = (resident_bytes(), PeakMemory::watch());
        let round = crowd.round(50, 50).await;
        let taken = peak.end().saturating_sub(resident);
        assert!(taken < PEAK_BYTES_MAX, "{} MiB at once, of {}", taken >> 20, PEAK_BYTES_MAX >> 20);
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
