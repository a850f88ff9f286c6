//! The dispatcher on a real embedded store ([`stage`]), with receivers that do what a test wants ([`receivers`]).

mod calls;
mod clock;
mod dispatcher;
mod give_up;
mod named;
mod receivers;
mod stage;
mod target;
mod traces;
