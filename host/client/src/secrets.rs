//! Secrets on the command line: from an option or the environment, never to a log or an error.

use morag_core::Secret;
use morag_core::webhook::check_signing_secret;
use std::convert::Infallible;

/// Takes an option's text; an empty one (templates of settings have their unused variables empty) is told apart by [`given`].
pub fn secret(text: &str) -> Result<Secret, Infallible> {
    Ok(Secret::new(text))
}

/// A secret that is there: an empty one is none.
pub fn given(secret: Option<Secret>) -> Option<Secret> {
    secret.filter(|secret| !secret.expose().is_empty())
}

/// A secret to sign or verify with that is there, and not too short. Not judged where options are read: their errors repeat what
/// was given.
pub fn signing(secret: Option<Secret>) -> anyhow::Result<Option<Secret>> {
    let Some(secret) = given(secret) else { return Ok(None) };
    check_signing_secret(secret.expose()).map_err(|error| anyhow::anyhow!("the secret cannot be used: {error}"))?;
    Ok(Some(secret))
}
