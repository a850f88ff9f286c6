//! The sandbox against guests that misbehave: each failure has its stable code, and the host goes on.
#![expect(clippy::unwrap_used, reason = "a test that fails says where")]

mod capabilities;
mod compiling;
mod hostile;
mod limits;
mod loading;
mod task_interface;
