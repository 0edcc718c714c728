//! The `temblor` program: parses, calls one command, turns an error into one line and an exit code.

fn main() -> std::process::ExitCode {
    temblor::cli::main()
}
