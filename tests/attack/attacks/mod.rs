//! The attacks. To add one, write a function in one of these files and a line in [`all`].

mod bodies;
mod components;
mod connections;
mod shares;

use crate::Size;
use crate::report::Outcome;
use crate::target::Target;
use futures::future::BoxFuture;
use std::path::Path;
use std::process::Command;

/// An attack.
pub struct Attack {
    /// Its name in the table.
    pub name: &'static str,
    /// Whether it waits for a timeout of the server, so that CI leaves it out.
    pub is_long: bool,
    /// Prepares the server's folder and settings.
    pub prepare: fn(&Path, &mut Command),
    run: for<'a> fn(&'a mut Target, Size) -> BoxFuture<'a, Outcome>,
}

impl Attack {
    /// Runs the attack to its end.
    pub async fn run(&self, target: &mut Target, size: Size) -> Outcome {
        (self.run)(target, size).await
    }
}

fn nothing(_: &Path, _: &mut Command) {}

/// An attack without preparation; other fields of [`Attack`] can be set with `..`.
macro_rules! attack {
    ($name:literal, $run:path) => {
        Attack { name: $name, is_long: false, prepare: nothing, run: |target, size| Box::pin($run(target, size)) }
    };
}

/// Every attack, in the order of the table.
pub fn all() -> Vec<Attack> {
    vec![
        attack!("batch of large metadata", bodies::batch_of_large_metadata),
        attack!("batch of 249,138 unknown fields", bodies::batch_of_many_fields),
        attack!("listing of worst-case tasks", bodies::listing),
        attack!("field name of 105 MiB", bodies::field_name),
        attack!("part headers without end", bodies::part_headers),
        attack!("preamble without end", bodies::preamble),
        attack!("100,000 empty parts", bodies::empty_parts),
        Attack { is_long: true, ..attack!("JSON of 1 byte a second", bodies::slow_json) },
        attack!("2,048 silent connections", connections::silent),
        attack!("2,048 heads without end", connections::unfinished_heads),
        Attack { prepare: connections::with_the_default_key, ..attack!("foreign Host", connections::foreign_host) },
        Attack { prepare: shares::with_all_connections, ..attack!("event streams without end", shares::streams) },
        Attack { prepare: shares::with_one_worker, ..attack!("waiting requests without end", shares::waits) },
        Attack { prepare: shares::with_all_connections, ..attack!("fetches that are not answered", shares::fetches) },
        attack!("endpoints without end", shares::endpoints),
        Attack {
            prepare: components::with_many_functions,
            ..attack!("component of 400,000 functions", components::many_functions)
        },
        Attack { prepare: components::with_garbage, ..attack!("component that is none", components::garbage) },
        Attack {
            prepare: components::with_planted_cache,
            ..attack!("planted compile cache", components::planted_cache)
        },
    ]
}
