//! Which interfaces the host has, by the names under which a component imports them.

use crate::capabilities;

/// Version of `morag:step` that the host has. It takes components built against this and every earlier 1.x, because a new version
/// only adds functions and interfaces.
pub(crate) const VERSION: &str = "1.1.0";

/// The component was built against an interface that this host does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it was built against morag:step@{built}, and this host has morag:step@{VERSION} (which takes what was built against {range}): {remedy}",
    range = range())]
pub struct OtherVersion {
    built: String,
    remedy: &'static str,
}

/// The interface of a name `morag:step/NAME@VERSION`, and its version.
fn of_step(name: &str) -> Option<(&str, &str)> {
    let rest = name.strip_prefix("morag:step/")?;
    Some(rest.split_once('@').unwrap_or((rest, "")))
}

/// Whether an import is one that the host has, if it is granted.
pub(crate) fn is_known(import: &str) -> bool {
    match of_step(import) {
        Some(("task" | "log" | "capability" | "step", _)) => true,
        Some(_) => capabilities::imported(import).is_some(),
        None => import.starts_with("wasi:"),
    }
}

/// Refuses an interface of another major version, one of a later version that this host lacks, and one without a version.
/// Functions that a later version has added to an interface of this version are found by the linker.
pub(crate) fn check_version(name: &str) -> Result<(), OtherVersion> {
    let Some((_, built)) = of_step(name) else { return Ok(()) };
    let other = |remedy| Err(OtherVersion { built: built.chars().take(32).collect(), remedy });
    match (numbers(built), numbers(VERSION)) {
        (Some((major, minor)), Some((ours, our_minor))) => match () {
            () if major < ours => other("build it again with a current SDK"),
            () if major > ours => other("use a later MoRAG, or build it with the SDK of this one"),
            () if minor > our_minor && !is_known(name) => {
                other("use a later MoRAG, or do without the interfaces that it adds")
            }
            () => Ok(()),
        },
        _ => other("build it again with a current SDK"),
    }
}

/// Major and minor of a version.
fn numbers(version: &str) -> Option<(u64, u64)> {
    let mut parts = version.split('.').map(|part| part.parse::<u64>().ok());
    Some((parts.next()??, parts.next()??))
}

/// The versions that the host takes, as text.
fn range() -> String {
    let (major, minor) = numbers(VERSION).unwrap_or_default();
    if minor == 0 { format!("{major}.0") } else { format!("{major}.0 to {major}.{minor}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_that_of_the_wit() {
        assert!(include_str!("../../../wit/world.wit").contains(&format!("\npackage morag:step@{VERSION};")));
    }

    #[test]
    fn every_interface_is_known_by_its_name() {
        for (import, known) in [
            ("morag:step/task@1.0.0", true),
            ("morag:step/kv@1.1.0", true),
            ("wasi:cli/stdout@0.2.6", true),
            ("wasi:http/types@0.2.0", true),
            ("morag:step/http@1.1.0", false),
            ("morag:step/shell@1.1.0", false),
            ("evil:pkg/kv", false),
        ] {
            assert_eq!(is_known(import), known, "{import}");
        }
    }

    #[test]
    fn what_was_built_against_another_version_is_refused_with_both_named() {
        for fits in ["morag:step/task@1.0.0", "morag:step/kv@1.1.0", "morag:step/kv@1.9.0", "wasi:io/poll@0.2.0"] {
            assert_eq!(check_version(fits), Ok(()), "{fits}");
        }
        for (other, built) in [
            ("morag:step/task@2.0.0", "2.0.0"),
            ("morag:step/task@0.9.0", "0.9.0"),
            ("morag:step/shell@1.2.0", "1.2.0"),
            ("morag:step/task@x", "x"),
            ("morag:step/task", ""),
        ] {
            let line = check_version(other).unwrap_err().to_string();
            assert!(line.contains(&format!("morag:step@{built},")) && line.contains("morag:step@1.1.0"), "{line}");
        }
    }
}
