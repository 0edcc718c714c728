//! Stores where libtorch lies in the binaries, so that they run with no environment variable, and
//! keeps it out of the one that needs no network.

use std::path::Path;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=LIBTORCH");
    println!("cargo:rerun-if-env-changed=LIBTORCH_USE_PYTORCH");
    keep_libtorch_out_of_temblor();
    if std::env::var_os("LIBTORCH_USE_PYTORCH").is_some() {
        return; // tch asks the installed PyTorch itself
    }
    let Ok(directory) = std::env::var("LIBTORCH") else { return };
    let Ok(lib) = std::fs::canonicalize(Path::new(&directory).join("lib")) else {
        // Without this the only message is that of a C++ compiler missing its headers.
        eprintln!(
            "no libtorch at {directory}: run `make libtorch` (python3 tools/fetch-libtorch.py) first"
        );
        std::process::exit(1);
    };
    println!("cargo:rustc-link-arg=-Wl,-rpath,{}", lib.display());
}

/// The C++ wrapper of libtorch has static initialisers: once linked, it calls libtorch at every
/// start, whether or not a line of Rust ever does. So `temblor` is linked without that wrapper
/// (`cli::without_networks` hands over to `temblor-networks` before a network is needed). Should a
/// line that leads to libtorch come to life in it, the linker says `undefined symbol: at_…`.
///
/// Rust's own linker on Linux x86-64 is LLD, which can leave a file out. Another one, where chosen,
/// links libtorch as ever: all works, only slower to start.
fn keep_libtorch_out_of_temblor() {
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    let target = variable("TARGET") == "x86_64-unknown-linux-gnu";
    let flags = variable("CARGO_ENCODED_RUSTFLAGS");
    let own_linker = !variable("RUSTC_LINKER").is_empty()
        || ["fuse-ld", "linker"].iter().any(|flag| flags.contains(flag));
    if target && !own_linker {
        let wrapper = "*libtorch_sys-*.rlib";
        println!("cargo:rustc-link-arg-bin=temblor=-Wl,--remap-inputs={wrapper}=/dev/null");
    }
}
