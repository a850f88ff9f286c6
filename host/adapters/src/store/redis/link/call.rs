//! A call of a Lua script.

use morag_core::task::{DocumentId, TaskId};
use redis::Cmd;
use std::time::Duration;
use uuid::Uuid;

/// A Lua script, which servers know by its digest. It must bear being run twice with the same keys and arguments: a call whose
/// answer was lost is repeated.
pub(crate) struct Script {
    digest: String,
    text: String,
}

impl Script {
    /// A script of this text.
    pub(crate) fn new(text: String) -> Self {
        Self { digest: redis::Script::new(&text).get_hash().to_owned(), text }
    }
}

/// A script with its keys, all of one slot, and its arguments.
pub(crate) struct Call {
    script: &'static Script,
    keys: Vec<String>,
    args: Vec<Vec<u8>>,
}

impl Call {
    /// Keys and arguments are in the script's order. Only `scripts` makes calls, and takes both by name.
    pub(crate) fn new(script: &'static Script, keys: Vec<String>, args: Vec<Vec<u8>>) -> Self {
        Self { script, keys, args }
    }

    /// The first key: it decides to which server the call goes.
    pub(crate) fn key(&self) -> &str {
        self.keys.first().map_or("", String::as_str)
    }

    /// The command that runs the script: by its digest, or with its whole text for a server that does not know it yet.
    pub(crate) fn command(&self, by_digest: bool) -> Cmd {
        let (name, script) = match by_digest {
            true => ("EVALSHA", &self.script.digest),
            false => ("EVAL", &self.script.text),
        };
        let mut command = redis::cmd(name);
        command.arg(script).arg(self.keys.len());
        self.keys.iter().for_each(|key| _ = command.arg(key));
        self.args.iter().for_each(|value| _ = command.arg(value));
        command
    }
}

/// A value as a script gets it.
pub(crate) trait Argument {
    /// The argument's bytes.
    fn into_bytes(self) -> Vec<u8>;
}

impl Argument for Vec<u8> {
    fn into_bytes(self) -> Vec<u8> {
        self
    }
}

impl Argument for &'static str {
    fn into_bytes(self) -> Vec<u8> {
        self.as_bytes().to_owned()
    }
}

impl Argument for String {
    fn into_bytes(self) -> Vec<u8> {
        Self::into_bytes(self)
    }
}

/// `1` or `0`.
impl Argument for bool {
    fn into_bytes(self) -> Vec<u8> {
        u8::from(self).into_bytes()
    }
}

/// Milliseconds.
impl Argument for Duration {
    fn into_bytes(self) -> Vec<u8> {
        self.as_millis().to_string().into_bytes()
    }
}

/// Empty where there is none.
impl<T: Argument> Argument for Option<T> {
    fn into_bytes(self) -> Vec<u8> {
        self.map(T::into_bytes).unwrap_or_default()
    }
}

macro_rules! as_text {
    ($($type:ty),+) => {
        $(impl Argument for $type {
            fn into_bytes(self) -> Vec<u8> {
                self.to_string().into_bytes()
            }
        })+
    };
}

as_text!(u8, u32, u64, usize, i64, f64, DocumentId, TaskId, Uuid);
