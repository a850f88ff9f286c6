//! Capability `completions`: `morag:step/completions`. [`request`] checks a request, [`tokens`] counts its cost.

mod request;
mod tokens;

use super::capability::{CallContext, CapabilityHost};
use crate::bindings::morag::step::completions::{Completion, Host, Message, Options, add_to_linker};
use crate::call_error::CallError;
use crate::call_spans::traced;
use crate::guest::{Guest, Instance};
use crate::state::State;
use morag_core::plugin::Capability;
use morag_core::ports::Completer;
use std::sync::Arc;
use tokens::{Answered, TokenBudget};
use wasmtime::component::{HasSelf, Linker};

/// The host's side.
pub(super) struct Completions;

struct CompletionsState {
    completer: Arc<dyn Completer>,
    budget: TokenBudget,
}

impl State for CompletionsState {}

impl CapabilityHost for Completions {
    fn capability(&self) -> Capability {
        Capability::Completions
    }

    fn link(&self, linker: &mut Linker<Instance>) -> wasmtime::Result<()> {
        add_to_linker::<_, HasSelf<Guest>>(linker, Instance::called)
    }

    fn start(&self, call: &CallContext<'_>) -> Box<dyn State> {
        let (completer, budget) = (call.services.completer.clone(), TokenBudget::of(|budget| call.allowance(budget)));
        Box::new(CompletionsState { completer, budget })
    }
}

impl Host for Guest {
    async fn complete(&mut self, messages: Vec<Message>, options: Options) -> Result<Completion, CallError> {
        traced(self.calls.begin("completions.complete"), async {
            let state = self.state::<CompletionsState>()?;
            let bytes = request::text_bytes(&messages, &options);
            let mut request = request::request(messages, options)?;
            let reserved = state.budget.reserve(bytes, request.tokens_max)?;
            request.tokens_max = reserved.tokens_max;
            let completer = state.completer.clone();
            let answer = completer.complete(request).await;
            let used = answer.as_ref().ok().map(|answer| Answered {
                input_tokens: answer.input_tokens,
                output_tokens: answer.output_tokens,
                bytes: answer.text.len() as u64,
            });
            // Not by `state`, which refuses a guest that has called too often: the question was asked.
            if let Some(state) = self.states.get::<CompletionsState>() {
                state.budget.settle(reserved, used);
            }
            let answer = answer?;
            self.meter.count_in(answer.text.len() as u64).map_err(CallError::limit)?;
            Ok(Completion {
                text: answer.text,
                model: answer.model,
                input_tokens: answer.input_tokens,
                output_tokens: answer.output_tokens,
                truncated: answer.truncated,
            })
        })
        .await
    }
}
