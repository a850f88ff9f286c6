//! Why a page is not drawn.

use morag_conversion::{failures, formats};
use morag_step::Failure;

/// Why a page is not drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Undrawn {
    /// It is damaged.
    Damaged(String),
    /// It would take too much memory or time.
    TooLarge(String),
}

impl std::fmt::Display for Undrawn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (Self::Damaged(why) | Self::TooLarge(why)) = self;
        f.write_str(why)
    }
}

impl From<Undrawn> for Failure {
    fn from(undrawn: Undrawn) -> Self {
        match undrawn {
            Undrawn::Damaged(why) => failures::corrupt(&formats::PDF, why),
            Undrawn::TooLarge(why) => failures::too_large(why),
        }
    }
}
