//! The `temblor` program: starts without libtorch and passes on to `temblor-networks` what needs it.

fn main() -> std::process::ExitCode {
    temblor::cli::without_networks()
}
