//! The operations of a path in the OpenAPI document.

use utoipa::openapi::path::{Operation, PathItem};

/// Every operation of a path.
pub fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.post, &mut item.patch, &mut item.delete].into_iter().flatten()
}
