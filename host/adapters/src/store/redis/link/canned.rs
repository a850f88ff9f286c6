//! A connection with canned answers and without a network, for tests of what is made of answers.

use redis::aio::ConnectionLike;
use redis::{Cmd, ErrorKind, Pipeline, RedisError, RedisFuture, RedisResult, Value};
use std::sync::{Arc, Mutex, PoisonError};

/// Answers in order, each a number of times. After the last one every call fails.
#[derive(Clone)]
pub(crate) struct CannedAnswers(Arc<Mutex<Vec<(Value, usize)>>>);

impl CannedAnswers {
    pub(crate) fn new(mut answers: Vec<(Value, usize)>) -> Self {
        answers.reverse();
        Self(Arc::new(Mutex::new(answers)))
    }

    fn next(&self) -> RedisResult<Value> {
        let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            // Not an error that is worth another try.
            let ended = || RedisError::from((ErrorKind::Client, "there is no further answer"));
            let (value, times) = answers.last_mut().ok_or_else(ended)?;
            match *times {
                0 => _ = answers.pop(),
                _ => {
                    *times -= 1;
                    return Ok(value.clone());
                }
            }
        }
    }
}

impl ConnectionLike for CannedAnswers {
    fn req_packed_command<'a>(&'a mut self, _: &'a Cmd) -> RedisFuture<'a, Value> {
        Box::pin(async { self.next() })
    }

    fn req_packed_commands<'a>(&'a mut self, _: &'a Pipeline, _: usize, count: usize) -> RedisFuture<'a, Vec<Value>> {
        Box::pin(async move { (0..count).map(|_| self.next()).collect() })
    }

    fn get_db(&self) -> i64 {
        0
    }
}
