//! Every command of `temblor`, linked to libtorch; `temblor` passes on to it what needs networks.

fn main() -> std::process::ExitCode {
    temblor::cli::with_networks()
}
