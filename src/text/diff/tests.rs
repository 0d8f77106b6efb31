//! What a diff shows, and that it makes the one text into the other.

use super::*;
use proptest::prelude::*;

/// Applies `diff` as `patch` would: every line that it names has to be there.
fn apply(old: &str, diff: &str) -> String {
    let mut source = old.split_inclusive('\n');
    let mut made = String::new();
    let (mut read, mut written) = (0, 0);
    let mut lines = diff.split_inclusive('\n').skip(2).peekable();
    while let Some(line) = lines.next() {
        if let Some(places) = line.strip_prefix("@@ -") {
            let place = |text: &str| -> (usize, usize) {
                let (start, count) = text.split_once(',').unwrap_or((text, "1"));
                let (start, count) = (start.parse::<usize>().unwrap(), count.parse().unwrap());
                (if count == 0 { start } else { start - 1 }, count)
            };
            let (old, new) = places.trim_end_matches(" @@\n").split_once(" +").unwrap();
            let gap = place(old).0 - read;
            made.extend(source.by_ref().take(gap));
            (read, written) = (read + gap, written + gap);
            assert_eq!(written, place(new).0, "{diff}");
            continue;
        }
        let (mark, text) = line.split_at(1);
        let cut = lines.next_if(|next| next.starts_with("\\ No newline")).is_some();
        let text = if cut { text.trim_end_matches('\n') } else { text };
        if mark != "+" {
            assert_eq!(source.next(), Some(text), "{diff}");
            read += 1;
        }
        if mark != "-" {
            made.push_str(text);
            written += 1;
        }
    }
    made.extend(source);
    made
}

#[test]
fn a_change_is_shown_with_three_lines_around_it() {
    let old: String = (1..=20).map(|n| n.to_string() + "\n").collect();
    let new = old.replace("5\n6\n", "five\n6\n").replace("17\n", "");
    assert_eq!(
        unified(&old, &new, ("a", "b")),
        "--- a\n+++ b\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n\
         @@ -14,7 +14,6 @@\n 14\n 15\n 16\n-17\n 18\n 19\n 20\n"
    );
}

#[test]
fn ends_are_told_as_patch_wants_them() {
    assert_eq!(unified("x\n", "x\n", ("a", "b")), "");
    assert_eq!(unified("", "x\n", ("a", "b")), "--- a\n+++ b\n@@ -0,0 +1 @@\n+x\n");
    assert_eq!(unified("x\n", "", ("a", "b")), "--- a\n+++ b\n@@ -1 +0,0 @@\n-x\n");
    assert_eq!(
        unified("x\n", "x", ("a", "b")),
        "--- a\n+++ b\n@@ -1 +1 @@\n-x\n+x\n\\ No newline at end of file\n"
    );
}

#[test]
fn what_differs_in_too_much_is_replaced() {
    let text =
        |word: &str| (0..MOST).map(|n| n.to_string() + word + "\nboth\n").collect::<String>();
    let (old, new) = (text("a"), text("b"));
    let diff = unified(&old, &new, ("a", "b"));
    assert_eq!(apply(&old, &diff), new);
    assert_eq!(diff.matches("\n both").count(), 1, "only what both end with is kept");
}

proptest! {
    #[test]
    fn it_makes_the_one_into_the_other(old in "([ab]\n|c){0,12}", new in "([ab]\n|c){0,12}") {
        let diff = unified(&old, &new, ("a", "b"));
        prop_assert_eq!(apply(&old, &diff), new.clone());
        let edits = diff.lines().skip(2).filter(|l| l.starts_with(['+', '-'])).count();
        prop_assert_eq!(edits, fewest(&old, &new));
    }
}

/// Lines that have to go or come, by the table of longest common subsequences.
fn fewest(old: &str, new: &str) -> usize {
    let (old, new): (Vec<_>, Vec<_>) =
        (old.split_inclusive('\n').collect(), new.split_inclusive('\n').collect());
    let mut longest = vec![vec![0; new.len() + 1]; old.len() + 1];
    for x in 0..old.len() {
        for y in 0..new.len() {
            longest[x + 1][y + 1] = if old[x] == new[y] {
                longest[x][y] + 1
            } else {
                longest[x][y + 1].max(longest[x + 1][y])
            };
        }
    }
    old.len() + new.len() - 2 * longest[old.len()][new.len()]
}
