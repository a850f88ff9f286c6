//! Capability `secrets`: `morag:step/secrets`.

use super::capability::{CallContext, CapabilityHost};
use crate::bindings::morag::step::secrets::{Host, add_to_linker};
use crate::call_error::CallError;
use crate::call_spans::traced;
use crate::guest::{Guest, Instance};
use crate::state::State;
use morag_core::plugin::{Capability, Grant};
use std::sync::Arc;
use wasmtime::component::{HasSelf, Linker};

/// The host's side.
pub(super) struct Secrets;

struct SecretsState(Arc<Grant>);

impl State for SecretsState {}

impl CapabilityHost for Secrets {
    fn capability(&self) -> Capability {
        Capability::Secrets
    }

    fn link(&self, linker: &mut Linker<Instance>) -> wasmtime::Result<()> {
        add_to_linker::<_, HasSelf<Guest>>(linker, Instance::called)
    }

    fn start(&self, call: &CallContext<'_>) -> Box<dyn State> {
        Box::new(SecretsState(call.grant.clone()))
    }
}

impl Host for Guest {
    async fn get(&mut self, name: String) -> Result<String, CallError> {
        traced(self.calls.begin("secrets.get"), async {
            let Some(secret) = self.state::<SecretsState>()?.0.secrets.get(&name).cloned() else {
                return Err(CallError::invalid("the operator has not granted a secret of this name"));
            };
            // Before the guest has it: from here on it is cut out of all that the guest writes.
            self.redactor.learn(&secret);
            Ok(secret.expose().to_owned())
        })
        .await
    }
}
