//! Decides which of the found components a server starts with: a bad component is refused and the server starts; an error of `morag.toml`
//! stops it.

use std::collections::BTreeMap;

/// Why a component is not used, in one line for the operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// A requirement of `morag.toml` is not met, or its grant lacks a capability that the component needs.
    #[error("{0}")]
    Demand(String),
    /// The component itself is bad.
    #[error("{0}")]
    Component(String),
}

/// A slot with its component.
#[derive(Debug, Clone)]
pub struct Found<P> {
    /// Its name: that of the table, or of the file without `.wasm`.
    pub slot: String,
    /// Its source.
    pub source: String,
    /// Whether `morag.toml` has a table for it.
    pub is_listed: bool,
    /// The component, or why it cannot be used.
    pub component: Result<P, Unusable>,
}

/// Components that are used, by slot, and the refused ones: slot, source and reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admitted<P> {
    /// Used.
    pub members: BTreeMap<String, P>,
    /// Refused.
    pub refused: Vec<(String, String, String)>,
}

/// Decides which components a server starts with. `name_of` gives the name in a component's descriptor: of two with the same name, that of
/// a table is used, else the one whose file has the name, else the first.
///
/// # Errors
/// If a requirement of a table of `morag.toml` is not met: the operator trusts a component because of its digest, signature, name and
/// grant, so the server does not start without them.
pub fn admit<P>(found: Vec<Found<P>>, name_of: impl Fn(&P) -> &str) -> Result<Admitted<P>, String> {
    let (mut good, mut refused) = (Vec::new(), Vec::new());
    for Found { slot, source, is_listed, component } in found {
        match component {
            Ok(component) => good.push((is_listed, slot, source, component)),
            Err(Unusable::Demand(reason)) if is_listed => return Err(format!("plugin {source}: {reason}")),
            Err(unusable) => refused.push((slot, source, unusable.to_string())),
        }
    }
    good.sort_by_key(|(is_listed, slot, _, component)| (!is_listed, name_of(component) != slot, slot.clone()));
    let (mut members, mut used) = (BTreeMap::new(), BTreeMap::<String, String>::new());
    for (_, slot, source, component) in good {
        let name = name_of(&component);
        match used.get(name) {
            Some(other) => {
                refused.push((
                    slot,
                    source,
                    format!("another component of the name {name} is loaded already: {other}"),
                ));
            }
            None => {
                used.insert(name.to_owned(), source);
                members.insert(slot, component);
            }
        }
    }
    Ok(Admitted { members, refused })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(slot: &str, is_listed: bool, component: Result<&'static str, Unusable>) -> Found<&'static str> {
        Found { slot: slot.into(), source: format!("p/{slot}.wasm"), is_listed, component }
    }

    fn demand() -> Result<&'static str, Unusable> {
        Err(Unusable::Demand("it is pinned".into()))
    }

    fn bad() -> Result<&'static str, Unusable> {
        Err(Unusable::Component("it is cut off".into()))
    }

    /// Names of the used slots, and of the refused slots.
    fn admitted(found: Vec<Found<&'static str>>) -> Result<(Vec<String>, Vec<String>), String> {
        let Admitted { members, refused } = admit(found, |name| name)?;
        Ok((members.into_keys().collect(), refused.into_iter().map(|(slot, ..)| slot).collect()))
    }

    fn slots(used: &[&str], refused: &[&str]) -> Result<(Vec<String>, Vec<String>), String> {
        let own = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Ok((own(used), own(refused)))
    }

    #[test]
    fn a_bad_component_is_refused_and_the_others_are_used() {
        let all = vec![found("a", false, bad()), found("b", true, bad()), found("c", false, Ok("c"))];
        assert_eq!(admitted(all), slots(&["c"], &["a", "b"]));
    }

    #[test]
    fn only_requirements_of_a_table_stop_the_start() {
        assert_eq!(admitted(vec![found("a", false, demand())]), slots(&[], &["a"]));
        let stopped = admitted(vec![found("c", false, Ok("c")), found("a", true, demand())]).unwrap_err();
        assert_eq!(stopped, "plugin p/a.wasm: it is pinned");
    }

    #[test]
    fn one_of_two_components_with_the_same_name_is_used() {
        let two = |first: bool, second: bool| {
            vec![found("a-1.2", first, Ok("a")), found("a", second, Ok("a")), found("a-1.1", false, Ok("a"))]
        };
        assert_eq!(admitted(two(false, false)), slots(&["a"], &["a-1.1", "a-1.2"]));
        assert_eq!(admitted(two(true, false)), slots(&["a-1.2"], &["a", "a-1.1"]));
        let others = vec![found("a-2", false, Ok("a")), found("a-1", false, Ok("a"))];
        assert_eq!(admitted(others), slots(&["a-1"], &["a-2"]));
    }
}
