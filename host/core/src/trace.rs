//! Where a piece of work belongs in a trace: the header `traceparent` of W3C Trace Context
//! (<https://www.w3.org/TR/trace-context/>). Pure: what spans are made and sent is not decided here.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Target of the spans that exist only for traces. The log leaves them out, and the exporter takes no others.
pub const SPAN_TARGET: &str = "morag::trace";

/// Name of the header.
pub const TRACEPARENT: &str = "traceparent";

/// Characters of a header of version 00. Later versions may add fields behind them.
const LENGTH: usize = 55;

/// A span, known by its ids: that of its trace, and its own. A stranger may have made them up; they are names, and grant nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TraceContext {
    trace_id: [u8; 16],
    span_id: [u8; 8],
    is_sampled: bool,
}

/// Text that is no `traceparent`. W3C Trace Context: who receives one goes on as if there were none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no traceparent as W3C Trace Context defines it")]
pub struct InvalidTraceparent;

impl TraceContext {
    /// A span. None where an id is all zeros, which the recommendation calls invalid.
    pub fn new(trace_id: [u8; 16], span_id: [u8; 8], is_sampled: bool) -> Option<Self> {
        let is_valid = trace_id != [0; 16] && span_id != [0; 8];
        is_valid.then_some(Self { trace_id, span_id, is_sampled })
    }

    /// Id of the trace.
    pub fn trace_id(&self) -> [u8; 16] {
        self.trace_id
    }

    /// Id of the span.
    pub fn span_id(&self) -> [u8; 8] {
        self.span_id
    }

    /// Whether the span was recorded by who made it.
    pub fn is_sampled(&self) -> bool {
        self.is_sampled
    }

    /// The trace's id as it is written: 32 lower-case hexadecimal digits.
    pub fn trace_id_text(&self) -> String {
        hex::encode(self.trace_id)
    }
}

/// The header's value, of version 00. Of the flags only `sampled` is passed on: the recommendation wants unknown ones cleared.
impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flags = u8::from(self.is_sampled);
        write!(f, "00-{}-{}-{flags:02x}", hex::encode(self.trace_id), hex::encode(self.span_id))
    }
}

impl FromStr for TraceContext {
    type Err = InvalidTraceparent;

    /// Reads a header's value: version 00 to the letter, of later versions the fields that version 00 has.
    fn from_str(text: &str) -> Result<Self, InvalidTraceparent> {
        let (fields, rest) = text.split_at_checked(LENGTH).ok_or(InvalidTraceparent)?;
        let mut fields = fields.split('-');
        let mut field = || fields.next().ok_or(InvalidTraceparent);
        let [version] = digits(field()?)?;
        let (trace_id, span_id, [flags]) = (digits(field()?)?, digits(field()?)?, digits(field()?)?);
        let is_whole = match version {
            0 => rest.is_empty(),
            0xff => false,
            _ => rest.is_empty() || rest.starts_with('-'),
        };
        match is_whole && fields.next().is_none() {
            true => Self::new(trace_id, span_id, flags & 1 == 1).ok_or(InvalidTraceparent),
            false => Err(InvalidTraceparent),
        }
    }
}

/// Bytes out of lower-case hexadecimal digits, exactly as many as there are.
fn digits<const N: usize>(text: &str) -> Result<[u8; N], InvalidTraceparent> {
    let mut bytes = [0; N];
    match text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        true => hex::decode_to_slice(text, &mut bytes).map(|()| bytes).map_err(|_| InvalidTraceparent),
        false => Err(InvalidTraceparent),
    }
}

impl TryFrom<String> for TraceContext {
    type Error = InvalidTraceparent;
    fn try_from(text: String) -> Result<Self, InvalidTraceparent> {
        text.parse()
    }
}

impl From<TraceContext> for String {
    fn from(context: TraceContext) -> Self {
        context.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The example of the recommendation.
    const EXAMPLE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn parsed(text: &str) -> Option<TraceContext> {
        text.parse().ok()
    }

    #[test]
    fn the_example_of_the_recommendation_is_read() {
        let context = parsed(EXAMPLE).unwrap();
        assert_eq!(context.trace_id_text(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(hex::encode(context.span_id()), "00f067aa0ba902b7");
        assert!(context.is_sampled());
        assert_eq!(context.to_string(), EXAMPLE);
    }

    #[test]
    fn of_the_flags_sampled_alone_is_kept() {
        let with = |flags: &str| parsed(&format!("{}{flags}", &EXAMPLE[..53])).unwrap();
        assert!(with("ff").is_sampled() && !with("fe").is_sampled() && !with("00").is_sampled());
        assert!(with("ff").to_string().ends_with("-01") && with("fe").to_string().ends_with("-00"));
    }

    #[test]
    fn a_later_version_is_read_as_far_as_it_is_known() {
        let later = |rest: &str| parsed(&format!("cc{}{rest}", &EXAMPLE[2..]));
        assert_eq!(later(""), parsed(EXAMPLE));
        assert_eq!(later("-what-the-future-will-be"), parsed(EXAMPLE));
        assert_eq!(later("0"), None);
    }

    #[test]
    fn whatever_else_is_none() {
        for text in [
            "",
            "00",
            &EXAMPLE[..54],
            &format!("{EXAMPLE}0"),
            &format!("{EXAMPLE}-00"),
            &format!(" {EXAMPLE}"),
            &format!("ff{}", &EXAMPLE[2..]),
            &EXAMPLE.to_uppercase(),
            &EXAMPLE.replace('-', "_"),
            &EXAMPLE.replace("4736-", "473-6"),
            &EXAMPLE.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32)),
            &EXAMPLE.replace("00f067aa0ba902b7", &"0".repeat(16)),
            &EXAMPLE.replace("-01", "-0g"),
            &EXAMPLE.replace("-01", "-+1"),
            &"é".repeat(40),
        ] {
            assert_eq!(parsed(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(trace_id: [u8; 16], span_id: [u8; 8], is_sampled: bool) {
            if let Some(context) = TraceContext::new(trace_id, span_id, is_sampled) {
                prop_assert_eq!(parsed(&context.to_string()), Some(context));
                let stored = serde_json::to_string(&context).unwrap();
                prop_assert_eq!(serde_json::from_str::<TraceContext>(&stored).unwrap(), context);
            }
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".{0,80}") {
            if let Some(context) = parsed(&text) {
                prop_assert_eq!(&context.to_string()[2..53], &text[2..53]);
            }
        }
    }
}
