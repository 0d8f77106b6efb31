//! Which of several places a client's file is in.

use super::ClientError;
use std::path::{Path, PathBuf};

/// The one of `files` that is there; without any, the first one whose folder is there, else the
/// first. Two that are there are not guessed between.
pub(super) fn one(files: &[PathBuf]) -> Result<PathBuf, ClientError> {
    let there: Vec<_> = files.iter().filter(|file| file.exists()).cloned().collect();
    match there.as_slice() {
        [one] => Ok(one.clone()),
        [] => {
            let with_folder = files.iter().find(|file| file.parent().is_some_and(Path::exists));
            Ok(with_folder.or(files.first()).cloned().unwrap_or_default())
        }
        _ => Err(ClientError::Several { paths: there }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn what_is_there_wins_and_two_are_told() {
        let dir = tempfile::tempdir().unwrap();
        let files = ["a/f", "b/f"].map(|file| dir.path().join(file));
        assert_eq!(one(&files).unwrap(), files[0]);
        fs::create_dir(dir.path().join("b")).unwrap();
        assert_eq!(one(&files).unwrap(), files[1]);
        fs::create_dir(dir.path().join("a")).unwrap();
        assert_eq!(one(&files).unwrap(), files[0]);
        fs::write(&files[1], "").unwrap();
        assert_eq!(one(&files).unwrap(), files[1]);
        fs::write(&files[0], "").unwrap();
        assert!(matches!(one(&files), Err(ClientError::Several { paths }) if paths == files));
    }
}
