//! Which changes of a set of components are taken.

use std::collections::BTreeMap;

/// What became of changes: the set that results, and the refused ones, each with its reason.
pub type Choice<P> = (BTreeMap<String, P>, Vec<(String, String)>);

/// Takes all changes, if the set that results passes `check`; else each in turn that passes with those before it, so that one
/// that does not fit holds up no other. A change is a component, or none where it is gone. Checks at most two more often than
/// there are changes.
pub fn choose<P: Clone>(
    now: &BTreeMap<String, P>,
    changes: Vec<(String, Option<P>)>,
    check: impl Fn(&BTreeMap<String, P>) -> Result<(), String>,
) -> Choice<P> {
    let with = |set: &BTreeMap<String, P>, (name, change): &(String, Option<P>)| {
        let mut set = set.clone();
        match change {
            Some(component) => set.insert(name.clone(), component.clone()),
            None => set.remove(name),
        };
        set
    };
    let all = changes.iter().fold(now.clone(), |set, change| with(&set, change));
    if check(&all).is_ok() {
        return (all, Vec::new());
    }
    let (mut chosen, mut refused) = (now.clone(), Vec::new());
    for change in &changes {
        let next = with(&chosen, change);
        match check(&next) {
            Ok(()) => chosen = next,
            Err(reason) => refused.push((change.0.clone(), reason)),
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

    /// Components that must have the same version, and of which there must be some.
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
        let changes = vec![("a".to_owned(), Some(2)), ("b".to_owned(), Some(2))];
        let (chosen, refused) = choose(&set(&[("a", 1), ("b", 1)]), changes, alike);
        assert_eq!((chosen, refused.len()), (set(&[("a", 2), ("b", 2)]), 0));
    }

    #[test]
    fn one_that_does_not_fit_is_refused_and_the_others_taken() {
        let changes = vec![("a".to_owned(), Some(2)), ("free".to_owned(), Some(7))];
        let (chosen, refused) = choose(&set(&[("a", 1), ("b", 1)]), changes, alike);
        assert_eq!(chosen, set(&[("a", 1), ("b", 1), ("free", 7)]));
        assert_eq!(refused, [("a".to_owned(), "versions differ".to_owned())]);
    }

    #[test]
    fn what_is_needed_is_not_removed() {
        let (chosen, refused) =
            choose(&set(&[("a", 1), ("free", 1)]), vec![("a".into(), None), ("free".into(), None)], alike);
        assert_eq!((chosen, refused[0].0.as_str(), refused.len()), (set(&[("a", 1)]), "a", 1));
    }
}
