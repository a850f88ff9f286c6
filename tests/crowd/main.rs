//! Fifty good steps beside fifty hostile ones.

use morag_tests::crowd::{Crowd, PeakMemory, resident_bytes};
use std::collections::BTreeSet;

/// As a server on a small machine.
const WORKERS: usize = 8;

/// What a second crowd may leave behind beyond the first. Slots of the pool keep 4 MiB of a memory resident, and not every round
/// fills the same ones: 18 slots hold 72 MiB. A crowd takes 5 times 32 MiB by its memory bombs alone, and writes 40 MiB, so
/// what is not given back shows.
const GROWTH_BYTES_MAX: u64 = 96 << 20;

/// What a round may take at any time beyond what was resident before it: the memory of all its five memory bombs. As many runs as
/// there are workers are two bombs at the most, for one in twenty is one, and six that take a third of that at most: 55 MiB were
/// measured. Were a run's memory kept while later ones run, the bombs alone would come to this, and the rest beyond it.
const PEAK_BYTES_MAX: u64 = 5 * (32 << 20);

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
