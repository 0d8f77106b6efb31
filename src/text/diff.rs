//! The lines in which two texts differ, as a unified diff.

use std::{collections::BTreeSet, fmt::Write as _, ops::Range};

/// Lines around a change that are shown with it.
const CONTEXT: usize = 3;
/// Texts that differ in more lines than this are shown as one replaced by the other: to find
/// the shortest way costs the square of it, in time and memory.
const MOST: usize = 1000;

/// One line of a diff: its mark, its place in the old and the new text, and itself.
struct Line<'a> {
    mark: char,
    old: usize,
    new: usize,
    text: &'a str,
}

/// The unified diff that makes `old` into `new`, under the two `names`; empty when they are the
/// same.
pub fn unified(old: &str, new: &str, names: (&str, &str)) -> String {
    let old: Vec<&str> = old.split_inclusive('\n').collect();
    let new: Vec<&str> = new.split_inclusive('\n').collect();
    let lines = lines(&old, &new);
    let shown: BTreeSet<usize> = (0..lines.len())
        .filter(|&at| lines[at].mark != ' ')
        .flat_map(|at| at.saturating_sub(CONTEXT)..(at + CONTEXT + 1).min(lines.len()))
        .collect();
    let mut told = String::new();
    let mut shown = shown.into_iter().peekable();
    while let Some(first) = shown.next() {
        if told.is_empty() {
            let _memory = writeln!(told, "--- {}\n+++ {}", names.0, names.1);
        }
        let mut end = first + 1;
        while shown.next_if_eq(&end).is_some() {
            end += 1;
        }
        hunk(&mut told, &lines[first..end]);
    }
    told
}

fn hunk(told: &mut String, lines: &[Line<'_>]) {
    let count = |other: char| lines.iter().filter(|line| line.mark != other).count();
    let range = |start: usize, count: usize| match count {
        // By POSIX, an empty range is named by the line before it.
        0 => format!("{start},0"),
        1 => format!("{}", start + 1),
        _ => format!("{},{count}", start + 1),
    };
    let (old, new) = (range(lines[0].old, count('+')), range(lines[0].new, count('-')));
    let _memory = writeln!(told, "@@ -{old} +{new} @@");
    for line in lines {
        told.push(line.mark);
        told.push_str(line.text);
        if !line.text.ends_with('\n') {
            told.push_str("\n\\ No newline at end of file\n");
        }
    }
}

/// Both texts as one, what goes before what comes.
fn lines<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<Line<'a>> {
    let start = old.iter().zip(new).take_while(|(old, new)| old == new).count();
    let ends = old[start..].iter().rev().zip(new[start..].iter().rev());
    let end = ends.take_while(|(old, new)| old == new).count();
    let (old_end, new_end) = (old.len() - end, new.len() - end);
    let middle = common(&old[start..old_end], &new[start..new_end]);
    let middle = middle.into_iter().map(|(old, new)| (old + start, new + start));
    let mut lines = Vec::with_capacity(old.len().max(new.len()));
    let mut here = (0, 0);
    let kept = (0..start).map(|at| (at, at)).chain(middle);
    let kept = kept.chain((0..=end).map(|at| (old_end + at, new_end + at)));
    for (at_old, at_new) in kept {
        let mut put = |mark, side: &[&'a str], at: Range<usize>, old: usize, new: usize| {
            lines.extend(at.enumerate().map(|(n, at)| Line {
                mark,
                old: if mark == '-' { old + n } else { old },
                new: if mark == '+' { new + n } else { new },
                text: side[at],
            }));
        };
        put('-', old, here.0..at_old, here.0, here.1);
        put('+', new, here.1..at_new, at_old, here.1);
        if at_old < old.len() {
            put(' ', old, at_old..at_old + 1, at_old, at_new);
        }
        here = (at_old + 1, at_new + 1);
    }
    lines
}

/// Pairs of lines that stay: the longest such list, by the greedy algorithm of Myers, "An O(ND)
/// Difference Algorithm and Its Variations" (1986); none when too much differs.
fn common(old: &[&str], new: &[&str]) -> Vec<(usize, usize)> {
    let most = (old.len() + new.len()).min(MOST);
    // The diagonal on which a place lies, `old - new`, is counted from here.
    let zero = most + 1;
    let goes_down = |at: usize, edits: usize, far: &dyn Fn(usize) -> usize| {
        at + edits == zero || (at != zero + edits && far(at - 1) < far(at + 1))
    };
    let mut far = vec![0; 2 * most + 3];
    let mut steps: Vec<Vec<usize>> = Vec::new();
    for edits in 0..=most {
        for at in (zero - edits..=zero + edits).step_by(2) {
            let down = goes_down(at, edits, &|at| far[at]);
            let mut x = if down { far[at + 1] } else { far[at - 1] + 1 };
            while let (Some(old), Some(new)) = (old.get(x), new.get(x + zero - at))
                && old == new
            {
                x += 1;
            }
            far[at] = x;
            if x >= old.len() && x + zero - at >= new.len() {
                return back((old.len(), new.len()), zero, &steps, goes_down);
            }
        }
        steps.push(far[zero - edits..=zero + edits].to_vec());
    }
    Vec::new()
}

/// The way back from the end, over the furthest places of each number of edits.
fn back(
    (mut x, mut y): (usize, usize),
    zero: usize,
    steps: &[Vec<usize>],
    goes_down: impl Fn(usize, usize, &dyn Fn(usize) -> usize) -> bool,
) -> Vec<(usize, usize)> {
    let mut pairs = Vec::new();
    for edits in (0..=steps.len()).rev() {
        let (mut from, mut run) = ((0, 0), 0);
        if let Some(before) = edits.checked_sub(1) {
            let far = |at: usize| steps[before][at + before - zero];
            let at = x + zero - y;
            let down = goes_down(at, edits, &far);
            let side = if down { at + 1 } else { at - 1 };
            from = (far(side), far(side) + zero - side);
            run = if down { from.0 } else { from.0 + 1 };
        }
        while x > run {
            (x, y) = (x - 1, y - 1);
            pairs.push((x, y));
        }
        (x, y) = from;
    }
    pairs.reverse();
    pairs
}

#[cfg(test)]
mod tests;
