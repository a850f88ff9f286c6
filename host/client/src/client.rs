//! The HTTP client of the commands.

use crate::secrets::secret;
use anyhow::{Context as _, bail};
use clap::Args;
use morag_core::{Secret, cut};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::Value;
use std::time::Duration;

/// Longest wait for a connection.
const CONNECT_MAX: Duration = Duration::from_secs(10);

/// Longest error text of a server that is repeated, bytes: the limit of MoRAG's own. Another server may be answering.
const ERROR_BYTES_MAX: usize = 2048;

/// Address of a server, and the API key for it.
#[derive(Debug, Clone, Args)]
pub struct Server {
    /// Address of the server
    #[arg(long, env = "MORAG_SERVER", default_value = "http://127.0.0.1:8000", value_name = "URL")]
    server: String,
    /// API key
    #[arg(
        long,
        env = "MORAG_API_KEY",
        default_value = "test-api-key",
        hide_env_values = true,
        value_parser = secret,
        value_name = "KEY"
    )]
    api_key: Secret,
}

/// A client of one server.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    server: Server,
}

impl Client {
    /// A client. It does not connect yet.
    ///
    /// # Errors
    /// If the TLS settings of the machine cannot be used.
    pub fn new(server: Server) -> anyhow::Result<Self> {
        let http =
            reqwest::Client::builder().connect_timeout(CONNECT_MAX).build().context("the HTTP client cannot start")?;
        Ok(Self { http, server })
    }

    /// A request to a path of the server.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.server.server.trim_end_matches('/'));
        self.http.request(method, url).bearer_auth(self.server.api_key.expose())
    }

    /// Sends a request, and reads the JSON of a success.
    ///
    /// # Errors
    /// Those of [`Self::start`] and [`read`].
    pub async fn send(&self, request: RequestBuilder) -> anyhow::Result<Value> {
        read(self.start(request).await?).await
    }

    /// Sends a request. Returns as soon as the answer's head has arrived, whatever its status.
    ///
    /// # Errors
    /// If no answer arrives.
    pub async fn start(&self, request: RequestBuilder) -> anyhow::Result<Response> {
        let server = &self.server.server;
        request.send().await.map_err(|error| match error.is_connect() {
            true => anyhow::anyhow!(
                "no server answers at {server}: start one with `morag serve`, or choose another with --server"
            ),
            // Without the URL, which the message already has in short.
            false => anyhow::Error::new(error.without_url()).context(format!("the request to {server} failed")),
        })
    }

    /// Sends `GET`, and reads the JSON of a success.
    ///
    /// # Errors
    /// Those of [`Self::send`].
    pub async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.send(self.request(Method::GET, path)).await
    }
}

/// Reads the JSON of a success.
///
/// # Errors
/// For any other status, with the server's error text; for an answer that is not JSON, or breaks off.
pub async fn read(response: Response) -> anyhow::Result<Value> {
    let status = response.status();
    let text = response.text().await.context("the server's answer broke off")?;
    let body: Option<Value> = serde_json::from_str(&text).ok();
    match (status.is_success(), body) {
        (true, Some(body)) => Ok(body),
        (true, None) => bail!("the answer is not JSON: is this a MoRAG server?"),
        (false, body) => {
            let said = body.as_ref().and_then(|body| body["error"].as_str()).unwrap_or("no reason given");
            let said = cut(said, ERROR_BYTES_MAX);
            let hint = if status == StatusCode::UNAUTHORIZED { ": give --api-key or MORAG_API_KEY" } else { "" };
            bail!("the server says {}: {said}{hint}", status.as_u16())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_key_that_is_refused_is_answered_with_how_to_give_one() {
        let said = async |status: u16| {
            let answer = http::Response::builder().status(status).body(r#"{"error": "The API key is not known"}"#);
            read(answer.unwrap().into()).await.unwrap_err().to_string()
        };
        assert_eq!(said(401).await, "the server says 401: The API key is not known: give --api-key or MORAG_API_KEY");
        assert_eq!(said(403).await, "the server says 403: The API key is not known");
    }
}
