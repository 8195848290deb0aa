//! Tells the binary which commit it was built from; without git it knows its version only.

use std::process::Command;

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && !text.trim().is_empty()).then(|| text.trim().to_owned())
}

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    for path in ["HEAD", "logs/HEAD"] {
        if let Some(path) = git(&["rev-parse", "--git-path", path]) {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    let commit = git(&["rev-parse", "--short=10", "HEAD"]);
    println!(
        "cargo::rustc-env=COMMIT={}",
        commit.as_deref().unwrap_or("unknown")
    );
    let commit = commit.map_or(String::new(), |commit| format!(" ({commit})"));
    println!(
        "cargo::rustc-env=VERSION_AND_COMMIT={}{commit}",
        env!("CARGO_PKG_VERSION")
    );
}
