//! What an error of SQLite means to the caller of a port.

use morag_core::ports::StoreError;
use rusqlite::ErrorCode;
use std::path::Path;

/// The error with the database's path in its text.
pub(crate) fn at(path: &Path, error: StoreError) -> StoreError {
    match error {
        StoreError::Unavailable(text) => StoreError::Unavailable(format!("{}: {text}", path.display())),
        StoreError::Full(text) => StoreError::Full(format!("{}: {text}", path.display())),
        StoreError::Corrupt(text) => StoreError::Corrupt(format!("{}: {text}", path.display())),
    }
}

/// An error of SQLite as one of the port: `Corrupt` where the file's content is wrong, `Full` where the disk or the allowed size is
/// used up, `Unavailable` else.
pub(crate) fn store_error(error: rusqlite::Error) -> StoreError {
    let corrupt = matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt | ErrorCode::TypeMismatch)
    ) || matches!(
        error,
        rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::Utf8Error(..)
            | rusqlite::Error::InvalidColumnType(..)
    );
    let full = error.sqlite_error_code() == Some(ErrorCode::DiskFull);
    match corrupt {
        true => StoreError::Corrupt(error.to_string()),
        false if full => StoreError::Full(error.to_string()),
        false => StoreError::Unavailable(error.to_string()),
    }
}
