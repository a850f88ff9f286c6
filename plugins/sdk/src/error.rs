//! Conversions of errors to [`Failure`], so that `?` works with errors of libraries.
//!
//! A `Failure` anywhere in an error's chain is returned unchanged, and a [`CapabilityError`] has codes of its own; any other error becomes
//! [`STEP_ERROR`] with the chain of reasons as its message. For another code, create the `Failure` explicitly.
//!
//! With the feature `anyhow`, `?` works on [`anyhow::Error`] too: write the step's logic with `anyhow::Result` and `.context(…)`,
//! and end `run` with `Ok(logic()?)`.

use crate::{CapabilityError, Failure};
use std::error::Error;
use std::io;

/// Code of a failure that was converted from an error without a code.
pub const STEP_ERROR: &str = "STEP_ERROR";

impl Failure {
    /// Converts any error to a failure.
    ///
    /// ```
    /// use morag_step::Failure;
    ///
    /// fn port(text: &str) -> Result<u16, Failure> {
    ///     Ok(text.parse::<u16>()?)
    /// }
    ///
    /// let failure = port("many").unwrap_err();
    /// assert_eq!(failure.to_string(), "STEP_ERROR: invalid digit found in string");
    /// ```
    pub fn from_error(error: &(dyn Error + 'static)) -> Self {
        let mut reasons: Vec<String> = Vec::new();
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(failure) = known(error) {
                return failure;
            }
            // Some errors already include the text of their source: it is not repeated.
            let reason = error.to_string();
            if !reasons.last().is_some_and(|outer| outer.ends_with(&reason)) {
                reasons.push(reason);
            }
            next = error.source();
        }
        Self::new(STEP_ERROR, reasons.join(": "))
    }
}

/// The failure that an error is or contains.
fn known(error: &(dyn Error + 'static)) -> Option<Failure> {
    if let Some(failure) = error.downcast_ref::<Failure>() {
        return Some(failure.clone());
    }
    if let Some(error) = error.downcast_ref::<CapabilityError>() {
        return Some(error.clone().into());
    }
    // `source` of an `io::Error` skips the wrapped error itself.
    let inner: &(dyn Error + 'static) = error.downcast_ref::<io::Error>()?.get_ref()?;
    known(inner)
}

impl From<Failure> for io::Error {
    fn from(failure: Failure) -> Self {
        Self::other(failure)
    }
}

macro_rules! failures_of {
    ($($error:ty),+ $(,)?) => {$(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::from_error(&error)
            }
        }
    )+};
}

// One by one: a blanket implementation for errors would overlap with `Failure` itself, which is an error.
failures_of!(
    io::Error,
    serde_json::Error,
    std::fmt::Error,
    std::str::Utf8Error,
    std::string::FromUtf8Error,
    std::num::ParseIntError,
    std::num::ParseFloatError,
    std::num::TryFromIntError,
);

impl From<Box<dyn Error>> for Failure {
    fn from(error: Box<dyn Error>) -> Self {
        Self::from_error(error.as_ref())
    }
}

impl From<Box<dyn Error + Send + Sync>> for Failure {
    fn from(error: Box<dyn Error + Send + Sync>) -> Self {
        Self::from_error(error.as_ref())
    }
}

/// ```
/// use anyhow::Context as _;
/// use morag_step::{Data, Failure, Task, data, json, mock::MockTask};
///
/// fn logic(task: &dyn Task) -> anyhow::Result<Data> {
///     let text = task.artifact_text("answer.txt")?;
///     let answer: u32 = text.trim().parse().context("answer.txt is not a number")?;
///     Ok(data(json!({ "answer": answer })))
/// }
///
/// fn run(task: &dyn Task) -> Result<Data, Failure> {
///     Ok(logic(task)?)
/// }
///
/// // A failure of the SDK, or of the step's own, passes through with its code.
/// let nothing = MockTask::new("a.txt", "");
/// assert_eq!(run(&nothing).unwrap_err().code, "INPUT_MISSING");
/// // Any other error is STEP_ERROR with the whole chain.
/// let words = MockTask::new("a.txt", "").with_artifact("answer.txt", "forty");
/// assert_eq!(run(&words).unwrap_err().message, "answer.txt is not a number: invalid digit found in string");
/// ```
#[cfg(feature = "anyhow")]
impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        // anyhow's own downcast first: it finds the error under a context.
        if let Some(failure) = error.downcast_ref::<Failure>() {
            return failure.clone();
        }
        if let Some(error) = error.downcast_ref::<CapabilityError>() {
            return error.clone().into();
        }
        Self::from_error(error.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Outer(io::Error);

    impl std::fmt::Display for Outer {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("page 3 cannot be read")
        }
    }

    impl Error for Outer {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }

    #[test]
    fn the_message_is_the_chain() {
        let failure = Failure::from_error(&Outer(io::Error::other("the index is cut off")));
        assert_eq!((failure.code.as_str(), failure.retryable), (STEP_ERROR, false));
        assert_eq!(failure.message, "page 3 cannot be read: the index is cut off");
    }

    #[test]
    fn a_failure_within_an_error_is_the_failure() {
        let failure = Failure::unavailable("away").with("service", "search");
        assert_eq!(Failure::from_error(&Outer(io::Error::from(failure.clone()))), failure);
        assert_eq!(Failure::from(Box::<dyn Error>::from(failure.clone())), failure);
        assert_eq!(Failure::from(Box::<dyn Error + Send + Sync>::from(failure.clone())), failure);
    }

    #[test]
    fn a_capability_keeps_whether_it_may_work_later() {
        let failure = Failure::from_error(&io::Error::other(CapabilityError::Unavailable("busy".into())));
        assert_eq!((failure.code.as_str(), failure.retryable), ("SERVICE_UNAVAILABLE", true));
    }

    #[cfg(feature = "anyhow")]
    #[test]
    fn anyhow_keeps_failures_and_tells_all_other_reasons() {
        use anyhow::Context as _;
        let failure = Failure::new("NO_TEXT", "a scan").with("pages", 3);
        let wrapped = Err::<(), _>(failure.clone()).context("while reading").unwrap_err();
        assert_eq!(Failure::from(wrapped), failure);
        let limit = Err::<(), _>(CapabilityError::Limit("tokens".into())).context("asking").unwrap_err();
        assert_eq!(Failure::from(limit).code, "CAPABILITY_LIMIT");
        let other = Err::<(), _>(io::Error::other("cut off")).context("page 3").context("reading").unwrap_err();
        assert_eq!(Failure::from(other), Failure::new(STEP_ERROR, "reading: page 3: cut off"));
    }
}
