//! Data losses that an operator may accept.

use std::fmt;
use std::str::FromStr;

/// Circumstance under which a Redis with weaker settings loses acknowledged data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// Memory is full: Redis evicts keys.
    Eviction,
    /// Redis restarts: it has no append-only file.
    Restart,
    /// The machine loses power: the operating system decides when the append-only file is flushed.
    PowerCut,
}

impl Loss {
    /// All losses, in display order.
    pub const ALL: [Self; 3] = [Self::Eviction, Self::Restart, Self::PowerCut];

    /// Name in the setting.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Eviction => "eviction",
            Self::Restart => "restart",
            Self::PowerCut => "power_cut",
        }
    }
}

/// Set of losses that an operator accepts; empty by default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AcceptedLosses {
    eviction: bool,
    restart: bool,
    power_cut: bool,
}

/// The text is not a list of losses. Displayed as the expected format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a list of eviction, restart and power_cut, separated by commas")]
pub struct InvalidLosses;

impl AcceptedLosses {
    /// Whether a loss is accepted.
    pub fn has(self, loss: Loss) -> bool {
        match loss {
            Loss::Eviction => self.eviction,
            Loss::Restart => self.restart,
            Loss::PowerCut => self.power_cut,
        }
    }
}

impl FromStr for AcceptedLosses {
    type Err = InvalidLosses;

    fn from_str(text: &str) -> Result<Self, InvalidLosses> {
        let mut accepted = Self::default();
        for word in text.split(',').map(str::trim) {
            let loss = Loss::ALL.into_iter().find(|loss| loss.as_str() == word).ok_or(InvalidLosses)?;
            match loss {
                Loss::Eviction => accepted.eviction = true,
                Loss::Restart => accepted.restart = true,
                Loss::PowerCut => accepted.power_cut = true,
            }
        }
        Ok(accepted)
    }
}

impl fmt::Display for AcceptedLosses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<_> = Loss::ALL.into_iter().filter(|loss| self.has(*loss)).map(Loss::as_str).collect();
        f.write_str(&words.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_names_the_losses() {
        let accepted: AcceptedLosses = "power_cut, eviction".parse().unwrap();
        assert_eq!(Loss::ALL.map(|loss| accepted.has(loss)), [true, false, true]);
        assert_eq!(accepted.to_string(), "eviction,power_cut");
        assert_eq!("restart".parse::<AcceptedLosses>().unwrap().to_string(), "restart");
        for bad in ["", "all", "eviction,", "Eviction", "yes"] {
            assert_eq!(bad.parse::<AcceptedLosses>(), Err(InvalidLosses), "{bad:?}");
        }
    }
}
