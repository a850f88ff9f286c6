//! The table of attacks and their results.

use crate::probe::Probes;
use std::process::ExitCode;

/// Result of an attack: how it was refused, or why it was not.
pub type Outcome = Result<Refused, String>;

/// A refusal.
#[derive(Debug)]
pub struct Refused {
    /// What was sent or opened, and for how long, before the refusal.
    pub after: String,
    /// How it was refused.
    pub how: String,
}

/// A line of the table.
pub struct Row {
    /// Its name.
    pub name: &'static str,
    /// Result.
    pub outcome: Outcome,
    /// Memory of the server before the attack, bytes.
    pub before: u64,
    /// Peak of the server's memory during the attack, bytes; none if it has ended.
    pub peak: Option<u64>,
    /// Probes of `/health` during the attack.
    pub probes: Probes,
    /// How the server ended, if it did.
    pub ended: Option<String>,
}

impl Row {
    /// The line for a server that did not start.
    pub fn not_started(name: &'static str, why: String) -> Self {
        Self { name, outcome: Err(why), before: 0, peak: None, probes: Probes::default(), ended: None }
    }

    /// Problems to report.
    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if let Err(why) = &self.outcome {
            faults.push(why.clone());
        }
        if let Some(how) = &self.ended {
            faults.push(format!("the server ended: {how}"));
        }
        if self.probes.failed > 0 {
            let (failed, all) = (self.probes.failed, self.probes.failed + self.probes.answered.len());
            let last = self.probes.last_failure.as_deref().unwrap_or_default();
            faults.push(format!("{failed} of {all} probes of /health failed: {last}"));
        }
        faults
    }
}

/// The whole table.
pub struct Report {
    faulty: usize,
    rows: usize,
}

impl Report {
    /// Prints the header.
    pub fn new(memory_mib: u64) -> Self {
        println!("attacks on a server that may take {memory_mib} MiB; /health is asked from 127.0.0.2 meanwhile");
        println!(
            "{:<34} {:>8} {:>8}  {:>5} {:>9} {:>9}  result",
            "attack", "before", "peak", "asked", "median", "longest"
        );
        Self { faulty: 0, rows: 0 }
    }

    /// Prints a line, and its problems below it.
    pub fn add(&mut self, row: Row) {
        let mib = |bytes: u64| format!("{} MiB", bytes >> 20);
        let peak = row.peak.map_or_else(|| "ended".to_owned(), mib);
        let times = row.probes.median_and_longest();
        let [median, longest] = match times {
            Some((median, longest)) => [median, longest].map(|time| format!("{:.1} ms", time.as_secs_f64() * 1e3)),
            None => ["-".to_owned(), "-".to_owned()],
        };
        let asked = row.probes.answered.len() + row.probes.failed;
        let result = match &row.outcome {
            Ok(refused) => format!("{}: {}", refused.after, refused.how),
            Err(_) => "NOT REFUSED".to_owned(),
        };
        let before = mib(row.before);
        println!("{:<34} {before:>8} {peak:>8}  {asked:>5} {median:>9} {longest:>9}  {result}", row.name);
        let faults = row.faults();
        faults.iter().for_each(|fault| println!("    {fault}"));
        self.rows += 1;
        self.faulty += usize::from(!faults.is_empty());
    }

    /// Reports that an attack was skipped.
    pub fn leave_out(&self, name: &str) {
        println!("{name:<34} left out: only without --short");
    }

    /// Prints the summary, and returns the exit code.
    pub fn verdict(&self) -> ExitCode {
        match (self.faulty, self.rows) {
            (_, 0) => println!("attack verdict    no attack was tried"),
            (0, rows) => println!("attack verdict    all {rows} refused"),
            (faulty, rows) => println!("attack verdict    {faulty} of {rows} did harm: see above"),
        }
        if self.faulty == 0 && self.rows > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}
