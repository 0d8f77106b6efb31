//! Whole files, old or new: temp file, fsync, rename.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

/// Replaces `path` by `bytes`, readable by this user only.
///
/// The folder is made (0700) when missing. A link at `path` is refused: it could lead the write
/// to a place that others read.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if fs::symlink_metadata(path).is_ok_and(|meta| meta.is_symlink()) {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("{} is a link; allmcp only writes to plain files there", path.display()),
        ));
    }
    let folder = parent(path)?;
    create_dir(folder)?;
    persist(folder, path, bytes, None)
}

/// Replaces another program's file: links are followed and its mode is kept.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let real = match fs::canonicalize(path) {
        Ok(real) => real,
        Err(e) if e.kind() == io::ErrorKind::NotFound => path.to_owned(),
        Err(e) => return Err(e),
    };
    let folder = parent(&real)?;
    fs::create_dir_all(folder)?;
    let mode = fs::metadata(&real).ok().map(|meta| meta.permissions());
    persist(folder, &real, bytes, mode)
}

fn persist(
    folder: &Path,
    path: &Path,
    bytes: &[u8],
    mode: Option<fs::Permissions>,
) -> io::Result<()> {
    // 0600 on unix by tempfile's own default; the name begins with a dot so that no reader of
    // the folder takes a half-written file for a whole one.
    let mut temp =
        tempfile::Builder::new().prefix(".allmcp-").suffix(".tmp").tempfile_in(folder)?;
    temp.write_all(bytes)?;
    if let Some(mode) = mode {
        temp.as_file().set_permissions(mode)?;
    }
    temp.as_file().sync_all()?;
    temp.persist(path).map_err(|e| e.error)?;
    sync_folder(folder);
    Ok(())
}

/// Makes the rename itself durable, where the system offers it. A failure here only means that
/// the old file may be back after a power cut, which every reader copes with.
fn sync_folder(folder: &Path) {
    #[cfg(unix)]
    if let Ok(handle) = File::open(folder) {
        let _unsynced = handle.sync_all();
    }
    #[cfg(not(unix))]
    let _ = folder;
}

/// Reads at most `max` bytes; a longer file is an error, not a part of one.
pub fn read(path: &Path, max: u64) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    let mut bytes = Vec::new();
    file.take(max + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > max {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("{} is larger than {max} bytes", path.display()),
        ));
    }
    Ok(bytes)
}

/// Makes `path` and its parents, readable by this user only.
pub fn create_dir(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(path)
}

/// Opens a private file (0600, links refused) for appending; the folder is made when missing.
pub fn append(path: &Path) -> io::Result<File> {
    create_dir(parent(path)?)?;
    private(OpenOptions::new().append(true).create(true)).open(path)
}

/// Adds to `options` that a new file is readable by this user only and that a link is refused.
pub(crate) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        let no_follow = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::CLOEXEC;
        options.mode(0o600).custom_flags(no_follow.bits().cast_signed());
    }
    options
}

fn parent(path: &Path) -> io::Result<&Path> {
    path.parent().filter(|p| !p.as_os_str().is_empty()).ok_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidInput, format!("{} has no folder", path.display()))
    })
}

/// `path` with `suffix` after its whole name: `config.toml` → `config.toml.lock`.
pub fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_replaces_whole_and_leaves_no_temp_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("sub/file");
        write(&path, b"one").unwrap();
        write(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = |p: &Path| fs::metadata(p).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode(&path), 0o600);
            assert_eq!(mode(path.parent().unwrap()), 0o700);
        }
    }

    #[cfg(unix)]
    #[test]
    fn links_are_refused_for_our_files_and_kept_for_others() {
        let dir = tempfile::tempdir().unwrap();
        let (real, link) = (dir.path().join("real"), dir.path().join("link"));
        fs::write(&real, b"old").unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        assert!(write(&link, b"new").is_err());
        assert!(append(&link).is_err());
        assert_eq!(fs::read(&real).unwrap(), b"old");
        replace(&link, b"new").unwrap();
        assert_eq!(fs::read(&real).unwrap(), b"new");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    }

    #[test]
    fn a_long_file_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        write(&path, &[0; 11]).unwrap();
        assert!(read(&path, 10).is_err());
        assert_eq!(read(&path, 11).unwrap().len(), 11);
    }
}
