//! Decides which changes of a set of components are accepted.

use std::collections::BTreeMap;

/// The resulting set, and the refused changes, each with its reason.
pub type Choice<P> = (BTreeMap<String, P>, Vec<(String, String)>);

/// A change of a slot: its new component, or none where it was removed.
pub type Change<P> = (String, Option<P>);

/// Accepts all changes if the resulting set passes `check`. Otherwise it tries each group together with what was accepted before it, so
/// that a bad change does not block the others; and if the group fails, each change of the group. A group holds changes that may only be
/// valid together, such as a renamed file: one component is removed and one is new. Calls `check` at most twice for each change, and once
/// more.
pub fn choose<P: Clone>(
    now: &BTreeMap<String, P>,
    groups: &[Vec<Change<P>>],
    check: impl Fn(&BTreeMap<String, P>) -> Result<(), String>,
) -> Choice<P> {
    let with = |mut set: BTreeMap<String, P>, (name, change): &Change<P>| {
        match change {
            Some(component) => set.insert(name.clone(), component.clone()),
            None => set.remove(name),
        };
        set
    };
    let all = groups.iter().flatten().fold(now.clone(), with);
    if check(&all).is_ok() {
        return (all, Vec::new());
    }
    let (mut chosen, mut refused) = (now.clone(), Vec::new());
    for group in groups {
        let next = group.iter().fold(chosen.clone(), with);
        if check(&next).is_ok() {
            chosen = next;
            continue;
        }
        for change in group {
            let next = with(chosen.clone(), change);
            match check(&next) {
                Ok(()) => chosen = next,
                Err(reason) => refused.push((change.0.clone(), reason)),
            }
        }
    }
    (chosen, refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(items: &[(&str, u32)]) -> BTreeMap<String, u32> {
        items.iter().map(|(name, version)| ((*name).to_owned(), *version)).collect()
    }

    /// All components must have the same version, and the set must not be empty.
    fn alike(set: &BTreeMap<String, u32>) -> Result<(), String> {
        let mut versions: Vec<_> = set.iter().filter(|(name, _)| name.as_str() != "free").collect();
        versions.dedup_by_key(|(_, version)| **version);
        match versions.len() {
            1 => Ok(()),
            _ => Err("versions differ".into()),
        }
    }

    #[test]
    fn changes_that_only_fit_together_are_taken_together() {
        let changes = [vec![("a".to_owned(), Some(2))], vec![("b".to_owned(), Some(2))]];
        let (chosen, refused) = choose(&set(&[("a", 1), ("b", 1)]), &changes, alike);
        assert_eq!((chosen, refused.len()), (set(&[("a", 2), ("b", 2)]), 0));
    }

    #[test]
    fn a_bad_change_is_refused_and_the_others_accepted() {
        let changes = [vec![("a".to_owned(), Some(2))], vec![("free".to_owned(), Some(7))]];
        let (chosen, refused) = choose(&set(&[("a", 1), ("b", 1)]), &changes, alike);
        assert_eq!(chosen, set(&[("a", 1), ("b", 1), ("free", 7)]));
        assert_eq!(refused, [("a".to_owned(), "versions differ".to_owned())]);
    }

    #[test]
    fn a_needed_component_is_not_removed() {
        let (chosen, refused) =
            choose(&set(&[("a", 1), ("free", 1)]), &[vec![("a".into(), None), ("free".into(), None)]], alike);
        assert_eq!((chosen, refused[0].0.as_str(), refused.len()), (set(&[("a", 1)]), "a", 1));
    }

    #[test]
    fn a_valid_group_is_accepted_beside_a_bad_change() {
        let renamed = vec![("a".to_owned(), None), ("b".to_owned(), Some(2))];
        let never = |set: &BTreeMap<String, u32>| match set.contains_key("never") {
            true => Err("it is never taken".to_owned()),
            false => alike(set),
        };
        let (chosen, refused) = choose(&set(&[("a", 1)]), &[vec![("never".to_owned(), Some(2))], renamed], never);
        assert_eq!((chosen, refused[0].0.as_str(), refused.len()), (set(&[("b", 2)]), "never", 1));
    }
}
