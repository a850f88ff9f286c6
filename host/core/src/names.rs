//! What to say where a name is not known: the one that was probably meant, or those that there are.

use crate::SHOWN_BYTES_MAX;

/// Known names that a text lists: as many as can be taken in at a glance.
const LISTED_MAX: usize = 24;

/// Edits after which a name is another one.
const EDITS_MAX: usize = 3;

/// The known name that was probably meant: at most three edits away, and sharing most of its letters.
pub fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    // More edits than a third of the name would replace most of a short one.
    let edits_max = EDITS_MAX.min(name.chars().count() / 3);
    // A long name is no misspelt one, and the distance takes the product of both lengths.
    if name.len() > 2 * SHOWN_BYTES_MAX {
        return None;
    }
    let (lower, length) = (name.to_ascii_lowercase(), name.chars().count());
    // Each character more is an edit: most names are told apart without the distance.
    let known = known.filter(|known| known.chars().count().abs_diff(length) <= edits_max);
    let near = known.map(|known| (strsim::osa_distance(&lower, &known.to_ascii_lowercase()), known)).min()?;
    (near.0 <= edits_max).then_some(near.1)
}

/// The names, separated by commas: the first few, if there are many.
pub fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut names = names.peekable();
    let first: Vec<_> = names.by_ref().take(LISTED_MAX).collect();
    let first = first.join(", ");
    if names.peek().is_some() { first + ", …" } else { first }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn swapped_letters_are_one_edit_and_short_names_are_not_guessed() {
        assert_eq!(nearest("lmiit", ["limit"].into_iter()), Some("limit"));
        assert_eq!(nearest("ab", ["cd"].into_iter()), None);
        assert_eq!(nearest("", ["limit"].into_iter()), None);
        assert_eq!(
            nearest("webhook_event", ["url", "webhook_events", "webhook_url"].into_iter()),
            Some("webhook_events")
        );
        assert_eq!(nearest(&"x".repeat(10_000), ["limit"].into_iter()), None);
    }

    #[test]
    fn many_names_are_not_all_listed() {
        assert_eq!(listed(["a", "b"].into_iter()), "a, b");
        let many = listed(std::iter::repeat_n("a", LISTED_MAX + 1));
        assert!(many.ends_with("a, …") && many.matches('a').count() == LISTED_MAX, "{many}");
    }
}
