//! The sandbox with guests that misbehave: each failure has its stable code, and the host keeps working.
#![expect(clippy::unwrap_used, reason = "a test that fails says where")]

mod capabilities;
mod compiling;
mod converters;
mod hostile;
mod limits;
mod loading;
mod task_interface;
