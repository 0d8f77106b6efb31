//! How a table is divided when a terminal has no room for all of it.

use super::width::{Cut, width};

/// Between two columns.
pub(super) const GAP: usize = 2;
/// Fewer columns than this say nothing.
const LEAST: usize = 10;
/// So long is a bar where there is room.
pub(super) const BAR: usize = 24;

/// One column of a table, and what it gives up when there is no room for all.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    pub(super) title: &'static str,
    pub(super) cut: Cut,
    pub(super) right: bool,
    pub(super) bar: bool,
    /// Others are cut before this one.
    kept: bool,
    spare: Option<u8>,
}

impl From<&'static str> for Column {
    fn from(title: &'static str) -> Self {
        Self { title, cut: Cut::End, right: false, bar: false, kept: false, spare: None }
    }
}

impl Column {
    /// What other commands want to be given: it is cut last, and then in its middle.
    pub fn name(title: &'static str) -> Self {
        Self { cut: Cut::Middle, kept: true, ..Self::from(title) }
    }

    /// Addresses and paths, which are cut in the middle.
    pub fn address(title: &'static str) -> Self {
        Self { cut: Cut::Middle, ..Self::from(title) }
    }

    /// Numbers stand right.
    pub fn number(title: &'static str) -> Self {
        Self { right: true, kept: true, ..Self::from(title) }
    }

    /// Bars, on a terminal only.
    pub fn bar() -> Self {
        Self { bar: true, spare: Some(0), ..Self::from("") }
    }

    /// Left out on a terminal where it is empty, and where the room is too short for it beside
    /// those of a lower `rank`.
    #[must_use]
    pub fn spare(mut self, rank: u8) -> Self {
        self.spare = Some(rank);
        self
    }
}

/// What is known of the cells of a column.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Content {
    pub(super) widest: usize,
    pub(super) marked: bool,
    pub(super) empty: bool,
}

/// The width of each column, together with the gaps at most `room`; nothing for one that is left
/// out.
pub(super) fn divide(columns: &[Column], content: &[Content], room: usize) -> Vec<Option<usize>> {
    let natural = |at: usize| {
        let (column, content) = (&columns[at], &content[at]);
        if column.bar { BAR } else { width(column.title).max(content.widest).min(room) }
    };
    let kept = |at: usize| columns[at].kept || content[at].marked;
    let floor = |at: usize| {
        let least = width(columns[at].title).max(LEAST);
        if kept(at) { natural(at) } else { natural(at).min(least) }
    };
    let gaps = |shown: &[usize]| shown.len().saturating_sub(1) * GAP;
    let least = |shown: &[usize]| shown.iter().map(|at| floor(*at)).sum::<usize>() + gaps(shown);
    let mut shown: Vec<usize> =
        (0..columns.len()).filter(|at| columns[*at].spare.is_none()).collect();
    let mut spare: Vec<usize> = (0..columns.len())
        .filter(|at| columns[*at].spare.is_some() && !content[*at].empty)
        .collect();
    spare.sort_by_key(|at| columns[*at].spare);
    for at in spare {
        let place = shown.partition_point(|before| *before < at);
        shown.insert(place, at);
        if least(&shown) > room {
            shown.remove(place);
        }
    }
    let first = shown.first().copied();
    // A gap and one letter each is the least there can be.
    while shown.len() > 1 && shown.len() + gaps(&shown) > room {
        shown.pop();
    }
    let left = room.saturating_sub(gaps(&shown));
    let mut widths: Vec<usize> = shown.iter().map(|at| natural(*at)).collect();
    let floors: [&dyn Fn(usize) -> usize; 3] = [
        &floor,
        &|at| if kept(at) { natural(at) } else { 4 },
        // A status is a word: names can be told apart without their middle.
        &|at| if content[at].marked && Some(at) != first { natural(at).min(12) } else { 1 },
    ];
    for floor in floors {
        shrink(&mut widths, &shown, floor, left);
    }
    shrink(&mut widths, &shown, &|_| 1, left);
    let mut all = vec![None; columns.len()];
    for (at, wide) in shown.into_iter().zip(widths) {
        all[at] = Some(wide);
    }
    all
}

/// Takes from the widest, one column at a time, until all fit or are as narrow as they may be.
fn shrink(widths: &mut [usize], shown: &[usize], floor: &dyn Fn(usize) -> usize, room: usize) {
    while widths.iter().sum::<usize>() > room {
        let can = |at: &usize| widths[*at] > floor(shown[*at]);
        let widest = (0..widths.len()).filter(can).max_by_key(|at| widths[*at]);
        match widest {
            Some(at) => widths[at] -= 1,
            None => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn content(widest: &[usize]) -> Vec<Content> {
        widest.iter().map(|wide| Content { widest: *wide, ..Content::default() }).collect()
    }

    #[test]
    fn a_description_gives_before_a_name_does() {
        let columns = [Column::name("TOOL"), "STATE".into(), Column::from("DESCRIPTION").spare(1)];
        let mut content = content(&[30, 8, 400]);
        content[1].marked = true;
        let divided = |room| divide(&columns, &content, room);
        assert_eq!(divided(120), [Some(30), Some(8), Some(78)]);
        assert_eq!(divided(60), [Some(30), Some(8), Some(18)]);
        assert_eq!(divided(50), [Some(30), Some(8), None]);
        assert_eq!(divided(30), [Some(20), Some(8), None]);
    }

    #[test]
    fn what_is_empty_and_spare_takes_no_room() {
        let columns = [Column::name("NAME"), Column::number("LATENCY").spare(1)];
        let empty = Content { empty: true, ..Content::default() };
        assert_eq!(divide(&columns, &[content(&[5])[0], empty], 80), [Some(5), None]);
    }

    proptest! {
        #[test]
        fn all_fit_and_none_is_nothing(
            widest in proptest::collection::vec(0usize..300, 1..9),
            kinds in proptest::collection::vec(0u8..6, 9),
            room in 1usize..200,
        ) {
            let columns: Vec<Column> = kinds.iter().take(widest.len()).map(|kind| match kind {
                0 => Column::name("NAME"),
                1 => Column::number("CALLS"),
                2 => Column::number("LATENCY").spare(2),
                3 => Column::address("URL").spare(1),
                4 => Column::bar(),
                _ => Column::from("DESCRIPTION"),
            }).collect();
            let divided = divide(&columns, &content(&widest), room);
            let shown: Vec<usize> = divided.into_iter().flatten().collect();
            let all = shown.iter().sum::<usize>() + shown.len().saturating_sub(1) * GAP;
            prop_assert!(all <= room, "{shown:?}");
            prop_assert!(shown.iter().all(|wide| *wide > 0));
        }
    }
}
