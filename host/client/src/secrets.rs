//! Secrets of the command line, from options or the environment. They never appear in logs or errors.

use morag_core::Secret;
use morag_core::webhook::check_signing_secret;
use std::convert::Infallible;

/// Parses an option. An empty text is accepted here, because unused variables in templates of settings are empty: [`given`] drops it.
///
/// # Errors
/// None.
pub fn secret(text: &str) -> Result<Secret, Infallible> {
    Ok(Secret::new(text))
}

/// The secret; none if it is empty.
pub fn given(secret: Option<Secret>) -> Option<Secret> {
    secret.filter(|secret| !secret.expose().is_empty())
}

/// The secret to sign or verify with; none if it is empty. Not checked while options are parsed, because clap's errors repeat the
/// value.
///
/// # Errors
/// For a secret that is too short or too long.
pub fn signing(secret: Option<Secret>) -> anyhow::Result<Option<Secret>> {
    let Some(secret) = given(secret) else { return Ok(None) };
    check_signing_secret(secret.expose()).map_err(|error| anyhow::anyhow!("the secret cannot be used: {error}"))?;
    Ok(Some(secret))
}
