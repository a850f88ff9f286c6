//! Losses that an operator may accept.

use std::fmt;
use std::str::FromStr;

/// When a Redis that is not set as it must be loses what it has acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// When its memory is full: it drops keys to make room.
    Eviction,
    /// When it is restarted: it has no append-only file.
    Restart,
    /// When its machine loses power: it leaves it to the system when its file reaches the disk.
    PowerCut,
}

impl Loss {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 3] = [Self::Eviction, Self::Restart, Self::PowerCut];

    /// Its word in the setting.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Eviction => "eviction",
            Self::Restart => "restart",
            Self::PowerCut => "power_cut",
        }
    }
}

/// The losses that an operator accepts. None by default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AcceptedLosses {
    eviction: bool,
    restart: bool,
    power_cut: bool,
}

/// The text is not a list of losses; shown, it is what the list may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a list of eviction, restart and power_cut, separated by commas")]
pub struct InvalidLosses;

impl AcceptedLosses {
    /// Whether this one is accepted.
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
