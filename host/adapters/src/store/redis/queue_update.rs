//! How scripts report where they have scheduled keys, in their answers and in wake-ups.

use std::sync::Arc;

/// How keys of a bucket were scheduled.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum QueueUpdate {
    /// A task is due, with this rank.
    Ready(f64),
    /// Cursors are due since this time, milliseconds.
    Cursors(u64, Vec<Arc<str>>),
    /// A key comes due at this time, milliseconds.
    Due(f64),
    /// A key was scheduled, but not known for when.
    Unknown,
}

impl std::str::FromStr for QueueUpdate {
    type Err = ();

    /// As scripts write it: `r RANK`, `k SINCE KEY` with further keys each on a line, `d TIME` or `u`.
    fn from_str(text: &str) -> Result<Self, ()> {
        if text == "u" {
            return Ok(Self::Unknown);
        }
        let (kind, rest) = text.split_once(' ').ok_or(())?;
        let number = |text: &str| text.parse::<f64>().map_err(|_| ());
        match kind {
            "r" => Ok(Self::Ready(number(rest)?)),
            "d" => Ok(Self::Due(number(rest)?)),
            "k" => {
                let (since, keys) = rest.split_once(' ').ok_or(())?;
                Ok(Self::Cursors(number(since)? as u64, keys.lines().map(Arc::from).collect()))
            }
            _ => Err(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn updates_are_read_as_scripts_write_them() {
        assert_eq!("r 2.5".parse(), Ok(QueueUpdate::Ready(2.5)));
        assert_eq!("k 17 x/a\ny/b c".parse(), Ok(QueueUpdate::Cursors(17, vec!["x/a".into(), "y/b c".into()])));
        assert_eq!("d 1769853600000".parse(), Ok(QueueUpdate::Due(1_769_853_600_000.0)));
        assert_eq!("u".parse(), Ok(QueueUpdate::Unknown));
        assert!(["", "r", "x 1", "r x", "k 1"].iter().all(|text| text.parse::<QueueUpdate>().is_err()));
    }
}
