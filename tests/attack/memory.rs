//! The memory limit of the attacked server: a control group of version 2 or 1.

use std::fs;
use std::path::{Path, PathBuf};

const VERSION_2: &str = "/sys/fs/cgroup";
const VERSION_1: &str = "/sys/fs/cgroup/memory";

/// A control group with a memory limit. Removed when dropped; its processes must have ended by then.
pub struct Limited {
    folder: PathBuf,
}

impl Limited {
    /// Creates a group with this limit. Panics if there is no writable memory control group: an attack without a limit would prove nothing.
    pub fn new(name: &str, mib: u64) -> Self {
        let bytes = (mib << 20).to_string();
        let controllers = fs::read_to_string(format!("{VERSION_2}/cgroup.controllers")).unwrap_or_default();
        let is_version_2 = controllers.split_whitespace().any(|controller| controller == "memory");
        let (root, files) = match is_version_2 {
            true => (VERSION_2, ["memory.max", "memory.swap.max"]),
            // The second file limits memory and swap together, so it gets the same value.
            false => (VERSION_1, ["memory.limit_in_bytes", "memory.memsw.limit_in_bytes"]),
        };
        if is_version_2 {
            // Fails where the parent has enabled it already, and where it may not be enabled.
            let _ = fs::write(Path::new(root).join("cgroup.subtree_control"), "+memory");
        }
        let folder = Path::new(root).join(format!("morag-attack-{}-{name}", std::process::id()));
        let made = fs::create_dir(&folder).and_then(|()| fs::write(folder.join(files[0]), &bytes));
        made.unwrap_or_else(|error| {
            panic!("cannot limit memory by {}: {error}; run it as root, with a memory control group", folder.display())
        });
        // Missing where the system does not account for swap: then there is none, or it cannot be limited.
        let _ = fs::write(folder.join(files[1]), if is_version_2 { "0" } else { &bytes });
        Self { folder }
    }

    /// Starts a program in the group: a shell enters it and then executes the program.
    pub fn wrap(&self, command: &std::process::Command) -> std::process::Command {
        let mut wrapped = std::process::Command::new("sh");
        wrapped.args(["-c", r#"echo $$ > "$0" && exec "$@""#]).arg(self.folder.join("cgroup.procs"));
        wrapped.arg(command.get_program()).args(command.get_args()).env_clear();
        wrapped.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        if let Some(folder) = command.get_current_dir() {
            wrapped.current_dir(folder);
        }
        wrapped
    }
}

impl Drop for Limited {
    fn drop(&mut self) {
        // A process of the group may still be ending; at worst an empty folder remains in /sys.
        let _ = morag_tests::child::until(std::time::Duration::from_secs(5), || fs::remove_dir(&self.folder).ok());
    }
}

/// A line of a process's status, bytes: `VmRSS` is its current memory, `VmHWM` the peak since [`forget_peak`].
pub fn of_process(id: u32, what: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(what)?.strip_prefix(':')).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or_default() * 1024
}

/// Resets the peak to the current memory (`proc(5)`: 5 into `clear_refs`).
pub fn forget_peak(id: u32) {
    fs::write(format!("/proc/{id}/clear_refs"), "5").expect("our own process");
}
