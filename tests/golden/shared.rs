//! Where the peers' outputs lie. Absent, the test says what it skips.

use std::path::PathBuf;

/// `relative` inside the shared folder (beside the checkout, or `TEMBLOR_SHARED`), if it exists.
#[allow(dead_code, reason = "every comparison uses it; with none registered yet it idles")]
pub fn path(relative: &str) -> Option<PathBuf> {
    let root = std::env::var_os("TEMBLOR_SHARED")
        .map(PathBuf::from)
        .unwrap_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared")));
    let path = root.join(relative);
    if path.exists() {
        Some(path)
    } else {
        eprintln!("skipped: {relative} is not here");
        None
    }
}
