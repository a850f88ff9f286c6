//! Circles in a graph: sets of files of which each leads to every other.

use super::resolve::Uses;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The circles of these uses: each with its files, in order.
pub fn circles(uses: &Uses) -> Vec<BTreeSet<PathBuf>> {
    let mut next: BTreeMap<&Path, Vec<&Path>> = BTreeMap::new();
    for (from, to) in uses.keys() {
        next.entry(from).or_default().push(to);
    }
    // Quadratic, for some hundred files: a second at most.
    let all: BTreeMap<&Path, BTreeSet<&Path>> = next.keys().map(|file| (*file, reached(&next, file))).collect();
    let mut found: Vec<BTreeSet<PathBuf>> = Vec::new();
    for (file, beyond) in all.iter().filter(|(file, beyond)| beyond.contains(**file)) {
        if found.iter().any(|circle| circle.contains(*file)) {
            continue;
        }
        let leads_back = |other: &&&Path| all.get(**other).is_some_and(|beyond| beyond.contains(*file));
        found.push(beyond.iter().filter(leads_back).map(|file| file.to_path_buf()).collect());
    }
    found
}

/// The files that one leads to.
fn reached<'a>(next: &BTreeMap<&'a Path, Vec<&'a Path>>, from: &'a Path) -> BTreeSet<&'a Path> {
    let (mut seen, mut open) = (BTreeSet::new(), vec![from]);
    while let Some(file) = open.pop() {
        open.extend(next.get(file).into_iter().flatten().copied().filter(|file| seen.insert(*file)));
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_circle_is_found_once() {
        let edges = ["ab", "bc", "ca", "cd", "de", "ed", "ef", "gg"];
        let uses = edges.map(|edge| ((edge[..1].into(), edge[1..].into()), BTreeSet::new())).into();
        let shown: Vec<String> = circles(&uses)
            .iter()
            .map(|circle| circle.iter().map(|file| file.display().to_string()).collect())
            .collect();
        assert_eq!(shown, ["abc", "de", "g"]);
    }
}
