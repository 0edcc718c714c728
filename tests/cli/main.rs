//! The program as a process: exit codes, streams, files.

mod models;
mod program;
