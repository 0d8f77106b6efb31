//! File names for accounts.

use sha2::{Digest as _, Sha256};
use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

/// The longest name that every file system takes, less room for the ending and temporary files.
const MAX: usize = 200;

/// The file of `account` in `folder`. Different accounts have different files, also on systems
/// whose file names have no case or that keep some names for devices.
pub(super) fn file(folder: &Path, account: &str) -> PathBuf {
    let mut name = String::with_capacity(account.len() + 8);
    let device = is_device(account);
    for (at, b) in account.bytes().enumerate() {
        let plain = b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_~".contains(&b);
        if plain && !(device && at == 0) {
            name.push(char::from(b));
        } else {
            let _ = write!(name, "%{b:02X}");
        }
    }
    if name.len() > MAX {
        // A cut name is unlike every whole one: `%` is always followed by two digits there.
        name.truncate(MAX - 33);
        let digest = Sha256::digest(account.as_bytes());
        name.push_str("%-");
        for b in &digest[..15] {
            let _ = write!(name, "{b:02x}");
        }
    }
    folder.join(name + ".json")
}

/// The account of a file of [`file`]; `None` for other files, and for names that were cut.
fn account(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?.strip_suffix(".json")?;
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.bytes();
    while let Some(b) = rest.next() {
        if b != b'%' {
            bytes.push(b);
            continue;
        }
        let digit = |b: u8| char::from(b).to_digit(16);
        let (high, low) = (digit(rest.next()?)?, digit(rest.next()?)?);
        bytes.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(bytes).ok()
}

/// All accounts that have a file in `folder`, in no order; none where there is no such folder.
pub(super) fn all(folder: &Path) -> Vec<String> {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    files.filter_map(|file| account(&file.path())).collect()
}

/// Names that Windows keeps for devices, whatever ending they have.
fn is_device(name: &str) -> bool {
    let numbered = |prefix| {
        name.strip_prefix(prefix).is_some_and(|n| n.len() == 1 && n.as_bytes()[0].is_ascii_digit())
    };
    ["con", "prn", "aux", "nul"].contains(&name) || numbered("com") || numbered("lpt")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(account: &str) -> String {
        file(Path::new("f"), account).file_name().unwrap().to_str().unwrap().to_owned()
    }

    #[test]
    fn a_file_tells_its_account() {
        for name in ["kommo", "-/anna b/kommo", "con", "Ж/x/y"] {
            assert_eq!(account(&file(Path::new("/x"), name)).as_deref(), Some(name));
        }
        let long = "a".repeat(MAX + 1);
        for other in [file(Path::new("/x"), &long), "/x/a.json.lock".into(), "/x/%Z.json".into()] {
            assert_eq!(account(&other), None, "{other:?}");
        }
    }

    #[test]
    fn names_are_plain_and_unlike_each_other() {
        assert_eq!(name("my-crm"), "my-crm.json");
        assert_eq!(name("-/u%40x.c/crm"), "-%2Fu%2540x%2Ec%2Fcrm.json");
        assert_eq!(name("o/User/c"), "o%2F%55ser%2Fc.json");
        assert_eq!(name("con"), "%63on.json");
        assert_eq!(name("com1"), "%63om1.json");
        assert_eq!(name("compass"), "compass.json");
    }

    #[test]
    fn long_accounts_are_cut_without_meeting() {
        let (a, b) = (format!("o/{}a/c", "u".repeat(300)), format!("o/{}b/c", "u".repeat(300)));
        assert!(name(&a).len() <= 255 && name(&a) != name(&b));
    }
}
