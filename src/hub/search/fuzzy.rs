//! Words that no tool uses, and those that may be meant.

use super::{index::Index, text::Stems, words};

/// At most this many words take the place of one.
const MANY: usize = 6;

/// The terms that an unknown `stem` may stand for: misspelt, cut short, or two words in one.
pub(super) fn meant(index: &Index, stems: &Stems, stem: &str) -> Vec<u32> {
    if stem.len() < 4 || !stem.is_ascii() || stem.bytes().any(|b| b.is_ascii_digit()) {
        return Vec::new();
    }
    let near = |limit: usize, longer_than: usize| -> Vec<u32> {
        index
            .terms_from(&stem[..1])
            .filter(|&(_, term)| {
                term.len() >= longer_than
                    && term.is_ascii()
                    && within(stem.as_bytes(), term.as_bytes(), limit)
            })
            .map(|(id, _)| id)
            .take(MANY)
            .collect()
    };
    let mut found = if stem.len() >= 5 { near(1, 4) } else { Vec::new() };
    if found.is_empty() && stem.len() >= 8 {
        found = near(2, 6);
    }
    if found.is_empty() {
        found = index.terms_from(stem).map(|(id, _)| id).take(MANY).collect();
    }
    if found.is_empty() {
        found = halves(index, stems, stem);
    }
    found
}

/// The two words that `stem` is made of.
fn halves(index: &Index, stems: &Stems, stem: &str) -> Vec<u32> {
    let known = |half: &str| {
        let known = (!words::is_stop(half)).then(|| index.term(&stems.stem(half)));
        known.flatten()
    };
    let mut splits = (3..stem.len().saturating_sub(2)).map(|at| stem.split_at(at));
    splits.find_map(|(left, right)| Some(vec![known(left)?, known(right)?])).unwrap_or_default()
}

/// Whether `a` becomes `b` by at most `limit` (1 or 2) letters added, left out, changed, or
/// swapped with their neighbour.
fn within(a: &[u8], b: &[u8], limit: usize) -> bool {
    if a.len().abs_diff(b.len()) > limit {
        return false;
    }
    let same = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let (a, b) = (&a[same..], &b[same..]);
    if a.is_empty() || b.is_empty() {
        return a.len().max(b.len()) <= limit;
    }
    if limit == 0 {
        return false;
    }
    let swapped = a.len() > 1 && b.len() > 1 && a[0] == b[1] && a[1] == b[0];
    within(&a[1..], &b[1..], limit - 1)
        || within(&a[1..], b, limit - 1)
        || within(a, &b[1..], limit - 1)
        || (swapped && within(&a[2..], &b[2..], limit - 1))
}

#[cfg(test)]
mod tests {
    use super::within;

    #[test]
    fn counts_letters_that_differ() {
        for (a, b, limit, expected) in [
            ("refund", "refund", 1, true),
            ("refnd", "refund", 1, true),
            ("reefund", "refund", 1, true),
            ("refnud", "refund", 1, true),
            ("rafund", "refund", 1, true),
            ("rafnd", "refund", 1, false),
            ("rafnd", "refund", 2, true),
            ("calulcat", "calculat", 2, true),
            ("coupon", "cup", 2, false),
        ] {
            assert_eq!(within(a.as_bytes(), b.as_bytes(), limit), expected, "{a} {b} {limit}");
        }
    }
}
