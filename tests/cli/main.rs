//! The program as a process: exit codes, streams, files.

mod program;
