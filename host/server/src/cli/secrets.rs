//! Secrets on the command line: from an option or the environment, never to a log or an error.

use morag_core::Secret;
use std::convert::Infallible;

/// Takes an option's text; an empty one (templates of settings have their unused variables empty) is told apart by [`given`].
pub fn secret(text: &str) -> Result<Secret, Infallible> {
    Ok(Secret::new(text))
}

/// A secret that is there: an empty one is none.
pub fn given(secret: Option<Secret>) -> Option<Secret> {
    secret.filter(|secret| !secret.expose().is_empty())
}
