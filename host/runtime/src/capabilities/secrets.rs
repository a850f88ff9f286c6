//! `morag:step/secrets`.

use crate::bindings::morag::step::capability::Error;
use crate::bindings::morag::step::secrets::Host;
use crate::guest::Guest;

impl Host for Guest {
    async fn get(&mut self, name: String) -> wasmtime::Result<Result<String, Error>> {
        let Some(secret) = self.scope()?.grant.secrets.get(&name).cloned() else {
            let text = "the operator has not granted a secret of this name".to_owned();
            return Ok(Err(Error::Invalid(text)));
        };
        // Before it is out: from here on it is in nothing that the guest says.
        self.redactor.learn(&secret);
        Ok(Ok(secret.expose().to_owned()))
    }
}
