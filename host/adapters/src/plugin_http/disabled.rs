//! Stands in where plugins run outside of a server: no requests are allowed.

use async_trait::async_trait;
use morag_core::ports::{PluginHttp, PluginHttpError, PluginHttpRequest, PluginHttpResponse};

/// Refuses every request.
#[derive(Debug, Clone, Copy)]
pub struct NoHttp;

#[async_trait]
impl PluginHttp for NoHttp {
    async fn send(&self, _: PluginHttpRequest) -> Result<PluginHttpResponse, PluginHttpError> {
        Err(PluginHttpError::Connect)
    }
}
