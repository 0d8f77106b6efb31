//! The last lines of our own log.

use crate::{disk::rotate, text};
use std::{
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom},
    path::Path,
};

/// Bytes that are looked at, and lines that are told.
const BYTES: u64 = 64 << 10;
const LINES: usize = 200;

/// The last lines, oldest first; of the file before it too where this one has just begun.
pub(super) fn read(path: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    for file in [rotate::older(path), path.to_owned()] {
        // One that is not there has no lines.
        lines.extend(tail(&file).unwrap_or_default());
    }
    let old = lines.len().saturating_sub(LINES);
    lines.split_off(old)
}

fn tail(path: &Path) -> io::Result<Vec<String>> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let from = length.saturating_sub(BYTES);
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(BYTES).read_to_end(&mut bytes)?;
    let whole = String::from_utf8_lossy(&bytes);
    // The first one may have lost its beginning.
    let lines = whole.lines().skip(usize::from(from > 0));
    Ok(lines.map(|line| text::line(line, 500)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_told_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("allmcp.log");
        assert!(read(&path).is_empty());
        let line = |n: usize| format!("{n:05} {}", "x".repeat(94));
        let text: Vec<String> = (0..2000).map(line).collect();
        std::fs::write(&path, text.join("\n")).unwrap();
        let last = read(&path);
        assert_eq!((last.len(), &last[LINES - 1]), (LINES, &line(1999)));
        std::fs::rename(&path, rotate::older(&path)).unwrap();
        std::fs::write(&path, "new\n").unwrap();
        let last = read(&path);
        assert_eq!((last.len(), last[LINES - 1].as_str()), (LINES, "new"));
    }
}
