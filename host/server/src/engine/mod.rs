//! Runs what the core decides: tasks ([`worker`]), webhooks ([`dispatcher`]), retention ([`janitor`]).

