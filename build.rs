//! Stores where libtorch lies in the binaries, so that they run with no environment variable.

use std::path::Path;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=LIBTORCH");
    println!("cargo:rerun-if-env-changed=LIBTORCH_USE_PYTORCH");
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
