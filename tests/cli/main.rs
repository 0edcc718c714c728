//! The program as a process: exit codes, streams, files.

mod inspect;
mod models;
mod program;
