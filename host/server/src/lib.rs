//! The server and the command line tool `morag`.
