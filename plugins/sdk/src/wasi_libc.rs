//! Symbols that std needs and that Debian's wasi-libc of 2022 lacks.
//!
//! A library that refers to `std::thread::spawn` or `std::fs::canonicalize`, even in code that is never reached, makes the linker look for
//! them. Rustup's own target has them, and there these would clash; so this module is compiled only with `cfg(morag_debian_wasi_libc)`,
//! which `cargo xtask` sets when it builds with Debian's library. Each fails as unsupported, which std returns as an error.

#![expect(unsafe_code, reason = "the linker must find them under their own names")]

use core::ffi::{c_char, c_int};

/// `ENOTSUP` of wasi-libc.
const NOT_SUPPORTED: c_int = 58;

// To the linker a pointer is an `i32`; std declares its own types.

#[unsafe(no_mangle)]
extern "C" fn pthread_attr_init(_attr: *mut u8) -> c_int {
    0
}

#[unsafe(no_mangle)]
extern "C" fn pthread_attr_setstacksize(_attr: *mut u8, _size: usize) -> c_int {
    0
}

#[unsafe(no_mangle)]
extern "C" fn pthread_attr_destroy(_attr: *mut u8) -> c_int {
    0
}

#[unsafe(no_mangle)]
extern "C" fn pthread_create(_thread: *mut u8, _attr: *const u8, _start: *const u8, _arg: *mut u8) -> c_int {
    NOT_SUPPORTED
}

#[unsafe(no_mangle)]
extern "C" fn pthread_join(_thread: *mut u8, _value: *mut u8) -> c_int {
    NOT_SUPPORTED
}

#[unsafe(no_mangle)]
extern "C" fn pthread_detach(_thread: *mut u8) -> c_int {
    NOT_SUPPORTED
}

#[unsafe(no_mangle)]
extern "C" fn realpath(_path: *const c_char, _resolved: *mut c_char) -> *mut c_char {
    core::ptr::null_mut()
}
