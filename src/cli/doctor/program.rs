//! This program: where it is, whether it is found by its name, and whether it is signed.

use super::{
    finding::{Check, Finding},
    process,
};
use crate::{cli::context::Context, text};
use std::{
    env::{consts::EXE_SUFFIX, split_paths},
    fs,
    path::{Path, PathBuf},
};

const VERSION: &str = env!("CARGO_PKG_VERSION");

pub(super) fn program() -> Finding {
    match Context::binary() {
        Ok(path) => Finding::ok(Check::Program, format!("{} {VERSION}", path.display())),
        Err(error) => Finding::error(Check::Program, error.message, "install allmcp again"),
    }
}

/// Whether typing `allmcp` starts this program; nothing where it does.
pub(super) fn on_path(cx: &Context) -> Option<Finding> {
    let ours = Context::binary().ok()?;
    let folder = ours.parent()?;
    let path = cx.env.var("PATH").map(crate::secret::Secret::into_inner).unwrap_or_default();
    let first = split_paths(&path)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(format!("allmcp{EXE_SUFFIX}")))
        .find(|file| is_executable(file));
    let export = if cfg!(windows) {
        format!("setx PATH \"{};%PATH%\"", folder.display())
    } else {
        format!("export PATH={}:\"$PATH\"", text::word(&folder.display().to_string(), 500))
    };
    match first {
        None => Some(Finding::warning(
            Check::Program,
            "no folder of PATH has it, so it is not found by its name",
            export,
        )),
        Some(first) if real(&first) != real(&ours) => Some(Finding::warning(
            Check::Program,
            format!("PATH has another one before it: {}", first.display()),
            format!("delete {}, or: {export}", first.display()),
        )),
        Some(_) => None,
    }
}

/// With links followed, where that can be done.
pub(super) fn real(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// A file that the system would start.
pub(super) fn is_executable(path: &Path) -> bool {
    let Ok(meta) = fs::metadata(path) else { return false };
    #[cfg(unix)]
    let may = std::os::unix::fs::PermissionsExt::mode(&meta.permissions()) & 0o111 != 0;
    #[cfg(not(unix))]
    let may = true;
    meta.is_file() && may
}

/// Whether the system knows who made this program. Nothing where no system asks.
pub(super) async fn signature() -> Option<Finding> {
    let path = Context::binary().ok()?.display().to_string();
    if cfg!(target_os = "macos") {
        let said = process::ask("/usr/bin/codesign", &["-dv", &path], None).await.ok()?;
        return mac(&said.text, &path);
    }
    if cfg!(windows) {
        let ask = format!(
            "(Get-AuthenticodeSignature -LiteralPath '{}').Status",
            path.replace('\'', "''")
        );
        let args = ["-NoProfile", "-NonInteractive", "-Command", &ask];
        let shell = "C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe";
        let said = process::ask(shell, &args, None).await.ok()?;
        return windows(&said.text);
    }
    None
}

/// What `codesign -dv` says. The keychain lets a program at its own items by its signature: one
/// without any, or with one that is of this very file, is asked about again after every update.
fn mac(said: &str, path: &str) -> Option<Finding> {
    let path = text::word(path, 500);
    if said.contains("not signed at all") {
        return Some(Finding::warning(
            Check::Program,
            "it is not signed, and the keychain asks about every such program again and again",
            format!("codesign --sign - --identifier dev.allmcp {path}"),
        ));
    }
    said.contains("Signature=adhoc").then(|| {
        Finding::warning(
            Check::Program,
            "its signature is of this one file, so the keychain asks again after every update",
            "install a signed release, or choose \"Always Allow\" when the keychain asks",
        )
    })
}

/// What `Get-AuthenticodeSignature` says.
fn windows(said: &str) -> Option<Finding> {
    match said.trim() {
        "NotSigned" => Some(Finding::warning(
            Check::Program,
            "it is not signed, so SmartScreen may stop it",
            "install a signed release, or: Unblock-File on it",
        )),
        "HashMismatch" | "NotTrusted" => Some(Finding::error(
            Check::Program,
            "its signature is not that of its maker: it was changed",
            "install allmcp again",
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::finding::Level;

    #[test]
    fn a_signature_is_told_of_only_where_something_is_wrong_with_it() {
        let level = |it: Option<Finding>| it.map(|it| it.status);
        assert_eq!(level(mac("x: code object is not signed at all", "/x")), Some(Level::Warning));
        assert_eq!(
            level(mac("Signature=adhoc\nTeamIdentifier=not set", "/x")),
            Some(Level::Warning)
        );
        assert_eq!(level(mac("Signature size=9000\nTeamIdentifier=ABC", "/x")), None);
        assert_eq!(level(windows("NotSigned\r\n")), Some(Level::Warning));
        assert_eq!(level(windows("HashMismatch\r\n")), Some(Level::Error));
        assert_eq!(level(windows("Valid\r\n")), None);
        // It could not be asked.
        assert_eq!(level(windows("")), None);
    }
}
