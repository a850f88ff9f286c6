//! The sandbox against guests that misbehave: each failure has its stable code, and the host goes on.

mod limits;
mod loading;
mod task_interface;
