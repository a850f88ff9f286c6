//! Cuts markdown into chunks that each make sense alone.
