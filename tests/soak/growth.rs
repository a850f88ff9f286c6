//! Detects growth in a series of samples.

use crate::sample::Sample;

/// A metric of the process that must not grow.
pub struct Measure {
    name: &'static str,
    of: fn(&Sample) -> u64,
    /// Allowed growth, as a ratio and in the metric's own unit: noise of the allocator, of open connections, of the files of running tasks.
    slack: (f64, u64),
    unit: (&'static str, u64),
}

impl Measure {
    /// All checked metrics.
    pub const ALL: [Self; 4] = [
        Self { name: "memory", of: |sample| sample.memory_bytes, slack: (0.10, 8 << 20), unit: ("MiB", 1 << 20) },
        Self { name: "file handles", of: |sample| sample.handles, slack: (0.10, 24), unit: ("", 1) },
        Self { name: "threads", of: |sample| sample.threads, slack: (0.10, 4), unit: ("", 1) },
        Self { name: "disk", of: |sample| sample.disk_bytes, slack: (0.20, 16 << 20), unit: ("MiB", 1 << 20) },
    ];

    /// Describes the growth, if any: the median of the last third of the samples exceeds that of the first by more than the slack. Medians,
    /// because single samples may meet a running document.
    pub fn growth(&self, samples: &[Sample]) -> Option<String> {
        let third = samples.len() / 3;
        if third == 0 {
            return Some(format!("{}: too few samples to tell", self.name));
        }
        let (first, last) = (self.median(&samples[..third]), self.median(&samples[samples.len() - third..]));
        let most = first + (first as f64 * self.slack.0) as u64 + self.slack.1;
        let (unit, size) = self.unit;
        (last > most).then(|| {
            format!(
                "{} from {} to {} {unit}, more than the {} that noise explains",
                self.name,
                first / size,
                last / size,
                most / size
            )
        })
    }

    fn median(&self, samples: &[Sample]) -> u64 {
        let mut values: Vec<_> = samples.iter().map(self.of).collect();
        values.sort_unstable();
        values[values.len() / 2]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn samples(memory: impl Fn(u64) -> u64) -> Vec<Sample> {
        let of = |n| Sample {
            at: Duration::from_secs(n),
            memory_bytes: memory(n) << 20,
            handles: 30,
            threads: 20,
            disk_bytes: 0,
        };
        (0..60).map(of).collect()
    }

    #[test]
    fn what_goes_up_and_down_does_not_grow() {
        let wave = samples(|n| 100 + (n % 7) * 5);
        assert!(Measure::ALL.iter().all(|measure| measure.growth(&wave).is_none()));
    }

    #[test]
    fn a_slow_leak_is_growth() {
        let leak = samples(|n| 100 + n);
        let grown: Vec<_> = Measure::ALL.iter().filter_map(|measure| measure.growth(&leak)).collect();
        assert_eq!(grown, ["memory from 110 to 150 MiB, more than the 129 that noise explains"]);
    }

    #[test]
    fn too_few_samples_are_no_proof() {
        assert!(Measure::ALL[0].growth(&samples(|_| 1)[..2]).is_some());
    }
}
