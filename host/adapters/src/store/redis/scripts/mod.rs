//! The Lua scripts, each with the names of its keys and arguments.
//!
//! A script is declared once, here. The declaration makes a struct whose fields are the names, so a call with a missing, unknown or
//! doubled name does not compile; it also gives the order in which they are sent. The text in `lua/` uses the same names
//! ([`shape`]); a test holds each text against its declaration. `now` is what `lua/now.lua` says of it.

mod deliveries;
mod endpoints;
mod knowledge;
mod plugins;
mod queue;
mod reservations;
mod shape;
mod store;
mod tasks;

pub(super) use deliveries::*;
pub(super) use endpoints::*;
pub(super) use knowledge::*;
pub(super) use plugins::*;
pub(super) use queue::*;
pub(super) use reservations::*;
pub(super) use store::*;
pub(super) use tasks::*;

/// Declares scripts: `Name("part", "part") { keys_of: Bundle[…], keys: […], more_keys: …, args: […], more_args: … }`, where each of
/// the five may be left out. The parts are files of `lua/`; `more_keys` and `more_args` name lists. A call gives each of `keys` by
/// itself; those of `keys_of` are methods of one bundle, which it gives as `keys`.
macro_rules! scripts {
    ($(
        $(#[$doc:meta])*
        $name:ident($($part:literal),+) {
            $(keys_of: $bundle:ident[$($bundled:ident),+ $(,)?],)?
            $(keys: [$($key:ident),+ $(,)?],)?
            $(more_keys: $key_list:ident,)?
            $(args: [$($(#[$about:meta])* $arg:ident: $type:ty),+ $(,)?],)?
            $(more_args: $arg_list:ident,)?
        }
    )+) => {
        $(
            $(#[$doc])*
            pub(crate) struct $name {
                $(pub(crate) keys: $bundle,)?
                $($(pub(crate) $key: String,)+)?
                $(pub(crate) $key_list: Vec<String>,)?
                $($($(#[$about])* pub(crate) $arg: $type,)+)?
                $(pub(crate) $arg_list: Vec<Vec<u8>>,)?
            }

            impl $name {
                const SHAPE: super::shape::Shape = super::shape::Shape {
                    name: stringify!($name),
                    parts: &[$(include_str!(concat!("../lua/", $part, ".lua"))),+],
                    keys: &[$($(stringify!($bundled),)+)? $($(stringify!($key),)+)?],
                    key_list: &[$(stringify!($key_list))?],
                    args: &[$($(stringify!($arg)),+)?],
                    arg_list: &[$(stringify!($arg_list))?],
                };
            }

            impl From<$name> for crate::store::redis::link::call::Call {
                fn from(call: $name) -> Self {
                    use crate::store::redis::link::call::Script;
                    static SCRIPT: std::sync::LazyLock<Script> = std::sync::LazyLock::new(|| match $name::SHAPE.text() {
                        Ok(text) => Script::new(text),
                        // Texts and declarations are constants, and a test has read them all.
                        Err(mistake) => unreachable!("{mistake}"),
                    });
                    let keys = Vec::<String>::from([$($(call.keys.$bundled(),)+)? $($(call.$key,)+)?]);
                    $(let keys = keys.into_iter().chain(call.$key_list).collect();)?
                    let args = Vec::<Vec<u8>>::from([
                        $($(crate::store::redis::link::call::Argument::into_bytes(call.$arg)),+)?
                    ]);
                    $(let args = args.into_iter().chain(call.$arg_list).collect();)?
                    Self::new(&SCRIPT, keys, args)
                }
            }
        )+

        #[cfg(test)]
        pub(super) const SHAPES: &[&super::shape::Shape] = &[$(&$name::SHAPE),+];
    };
}
use scripts;

#[cfg(test)]
mod tests {
    use super::super::link::call::Call;
    use std::collections::BTreeSet;

    #[test]
    fn a_call_sends_what_it_names_in_the_declared_order_and_lists_last() {
        let chain = "chain".to_owned();
        let kept = std::time::Duration::from_secs(2);
        let turn = super::ChainFinish { kept, delivered: None, task: morag_core::task::TaskId::random(), chain };
        let task = turn.task.to_string();
        assert_eq!(sent(turn.into()), ["1", "chain", &task, "", "2000"]);
        let (latest, earliest) = ("+inf".to_owned(), "-inf".to_owned());
        let lists = vec!["a".to_owned(), "b".to_owned()];
        let page = super::EndpointPage { count: 3, offset: 7, earliest, latest, lists };
        assert_eq!(sent(page.into()), ["2", "a", "b", "+inf", "-inf", "7", "3"]);
    }

    /// What follows the script's digest.
    fn sent(call: Call) -> Vec<String> {
        let command = call.command(true);
        let words = command.args_iter().skip(2).map(|word| match word {
            redis::Arg::Simple(word) => String::from_utf8(word.to_owned()).unwrap(),
            _ => panic!("not a word"),
        });
        words.collect()
    }

    #[test]
    fn every_script_uses_the_names_that_it_declares_and_no_others() {
        let shapes = [
            super::deliveries::SHAPES,
            super::endpoints::SHAPES,
            super::knowledge::SHAPES,
            super::plugins::SHAPES,
            super::queue::SHAPES,
            super::reservations::SHAPES,
            super::store::SHAPES,
            super::tasks::SHAPES,
        ]
        .concat();
        let mistakes: Vec<_> = shapes.iter().filter_map(|shape| shape.text().err()).collect();
        assert!(mistakes.is_empty(), "{mistakes:?}");
        let used: BTreeSet<_> = shapes.iter().flat_map(|shape| shape.parts).copied().collect();
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store/redis/lua");
        let texts = std::fs::read_dir(folder).unwrap();
        let texts: BTreeSet<_> = texts.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap()).collect();
        assert!(texts.iter().all(|text| used.contains(text.as_str())), "a file of lua/ that no script consists of");
    }
}
