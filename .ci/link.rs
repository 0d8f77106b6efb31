//! The build script: in the `dist` profile, what runs before `allmcp serve` is idle is put together.
//!
//! Linux maps a file in pieces of 64 KiB around what is touched. The 1,300 functions of a start,
//! a tenth of the code, lie all over the program: without `start.ld` most of it would be in memory.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a build script is spoken to by variables, and answers on stdout"
)]

use std::{env, path::Path, process::Command};

fn main() {
    println!("cargo::rerun-if-changed=.ci/start.ld");
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|found| found == value);
    // Of the profiles only `dist` asks for small code; the names are those of one platform.
    if !is("OPT_LEVEL", "s") || !is("TARGET", "x86_64-unknown-linux-gnu") {
        return;
    }
    let Ok(root) = env::var("CARGO_MANIFEST_DIR") else { return };
    let script = format!("-Wl,-T,{root}/.ci/start.ld");
    if takes(&script) == Some(true) {
        println!("cargo::rustc-link-arg-bin=allmcp={script}");
    }
}

/// Whether the linker in use takes `flag`: lld, which Rust brings along, and GNU ld do, others may
/// not. The program is the same without it, only larger in memory.
fn takes(flag: &str) -> Option<bool> {
    let out = env::var("OUT_DIR").ok()?;
    let source = Path::new(&out).join("probe.rs");
    std::fs::write(&source, "fn main() {}\n").ok()?;
    let mut rustc = Command::new(env::var_os("RUSTC")?);
    rustc.arg(&source).args(["--crate-type", "bin", "--out-dir", &out]);
    rustc.args(["--target", "x86_64-unknown-linux-gnu", "-C", &format!("link-arg={flag}")]);
    if let Ok(linker) = env::var("RUSTC_LINKER") {
        rustc.args(["-C", &format!("linker={linker}")]);
    }
    let flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    rustc.args(flags.split('\x1f').filter(|flag| !flag.is_empty()));
    Some(rustc.output().ok()?.status.success())
}
