//! Named webhook endpoints over HTTP: naming ([`create`], [`read`], [`change`], [`rotate`]), seeing ([`deliveries`], [`pull`])
//! and repairing ([`again`], [`try_out`]).

pub mod again;
mod body;
pub mod change;
pub mod create;
pub mod deliveries;
pub mod input;
pub mod path;
pub mod pull;
pub mod read;
pub mod rotate;
mod schemas;
pub mod try_out;
