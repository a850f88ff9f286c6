//! A host with prepared responses.

use crate::{CapabilityError, Http, Request, Response};
use std::cell::RefCell;
use std::collections::VecDeque;

/// Returns prepared responses in order, and refuses later requests.
#[derive(Debug, Default)]
pub struct MockHttp {
    answers: RefCell<VecDeque<Result<Response, CapabilityError>>>,
    sent: RefCell<Vec<Request>>,
}

impl MockHttp {
    /// A host with these responses.
    pub fn answering(answers: impl IntoIterator<Item = Response>) -> Self {
        Self { answers: RefCell::new(answers.into_iter().map(Ok).collect()), sent: RefCell::default() }
    }

    /// Adds a response or an error.
    #[must_use]
    pub fn then(self, answer: Result<Response, CapabilityError>) -> Self {
        self.answers.borrow_mut().push_back(answer);
        self
    }

    /// The requests that it got.
    pub fn sent(&self) -> Vec<Request> {
        self.sent.borrow().clone()
    }
}

impl Http for MockHttp {
    fn send(&self, request: Request) -> Result<Response, CapabilityError> {
        self.sent.borrow_mut().push(request);
        let next = self.answers.borrow_mut().pop_front();
        next.unwrap_or_else(|| Err(CapabilityError::Limit("the mock has no further answer".into())))
    }
}
