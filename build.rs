//! Stores where libtorch lies in the binaries, so that they run with no environment variable.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=LIBTORCH");
    if let Ok(directory) = std::env::var("LIBTORCH")
        && let Ok(lib) = std::fs::canonicalize(std::path::Path::new(&directory).join("lib"))
    {
        println!("cargo:rustc-link-arg=-Wl,-rpath,{}", lib.display());
    }
}
