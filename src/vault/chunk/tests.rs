//! Stops every write and every removal at every point, and looks at what a reader then finds.

use super::*;
use crate::vault::{MemoryVault, Vault as _};
use proptest::prelude::*;
use std::cell::{Cell, RefCell};

const LIMIT: usize = 160;

/// A store that dies after a number of changes, and calls back before every read of a piece.
struct Mortal<'a> {
    inner: &'a MemoryVault,
    changes_left: Cell<usize>,
    before_piece: RefCell<Option<Box<dyn Fn() + 'a>>>,
}

impl<'a> Mortal<'a> {
    fn new(inner: &'a MemoryVault, changes: usize) -> Self {
        Self { inner, changes_left: Cell::new(changes), before_piece: RefCell::default() }
    }

    fn change(&self) -> Result<(), VaultError> {
        let left = self.changes_left.get().checked_sub(1).ok_or(VaultError::TimedOut)?;
        self.changes_left.set(left);
        Ok(())
    }
}

impl Items for Mortal<'_> {
    fn get_item(&self, item: &str) -> Result<Option<Secret<String>>, VaultError> {
        if item.contains(INTERNAL)
            && let Some(hook) = self.before_piece.take()
        {
            hook();
        }
        self.inner.get_item(item)
    }
    fn set_item(&self, item: &str, value: &Secret<String>) -> Result<(), VaultError> {
        self.change()?;
        self.inner.set_item(item, value)
    }
    fn delete_item(&self, item: &str) -> Result<bool, VaultError> {
        self.change()?;
        self.inner.delete_item(item)
    }
    fn limit(&self) -> Option<usize> {
        self.inner.limit()
    }
}

fn value(units: usize, letter: &str) -> Secret<String> {
    Secret::new(letter.repeat(units))
}

/// Nothing, a plain value, values of two and five pieces, and one that looks like a header.
fn values(letter: &str) -> Vec<Option<Secret<String>>> {
    let header = Secret::new(format!("{HEADER}1,\"id\":\"{letter}\"}}"));
    let sizes = [10, LIMIT + 1, 4 * LIMIT + 7];
    let plain = sizes.into_iter().map(|size| Some(value(size, letter)));
    [None, Some(header)].into_iter().chain(plain).collect()
}

#[test]
fn a_crash_between_any_two_changes_leaves_the_old_value_or_the_new_one() {
    let (mut crashes, mut old_seen, mut new_seen) = (0, 0, 0);
    for old in values("a") {
        for new in values("b") {
            for changes in 0.. {
                let vault = MemoryVault::capped(LIMIT);
                if let Some(old) = &old {
                    vault.set("x", old).unwrap();
                }
                let mortal = Mortal::new(&vault, changes);
                let done = match &new {
                    Some(new) => set(&mortal, "x", new).is_ok(),
                    None => delete(&mortal, "x").is_ok(),
                };
                let found = vault.get("x").unwrap();
                assert!(found == old || found == new, "after {changes} changes");
                old_seen += usize::from(found == old);
                new_seen += usize::from(found == new);
                crashes += 1;
                // Whatever stayed behind is in nobody's way.
                assert_eq!(vault.delete("x").unwrap(), found.is_some());
                assert_eq!(vault.get("x").unwrap(), None);
                vault.set("x", &value(3 * LIMIT, "c")).unwrap();
                assert_eq!(vault.get("x").unwrap(), Some(value(3 * LIMIT, "c")));
                if done && mortal.changes_left.get() > 0 {
                    break;
                }
            }
        }
    }
    assert!(crashes > 100 && old_seen > 25 && new_seen > 25, "{crashes} {old_seen} {new_seen}");
}

#[test]
fn a_removal_that_was_cut_short_is_finished_by_the_next_one() {
    let vault = MemoryVault::capped(LIMIT);
    vault.set("x", &value(5 * LIMIT, "a")).unwrap();
    assert!(delete(&Mortal::new(&vault, 2), "x").is_err());
    assert_eq!(vault.get("x").unwrap(), None);
    assert!(!vault.delete("x").unwrap());
    assert_eq!(vault.names(), [""; 0]);
}

#[test]
fn a_reader_whose_value_is_replaced_under_it_gets_the_new_one() {
    let vault = MemoryVault::capped(LIMIT);
    for new in [value(5, "b"), value(3 * LIMIT, "b")] {
        vault.set("x", &value(2 * LIMIT, "a")).unwrap();
        let reader = Mortal::new(&vault, 0);
        reader.before_piece.replace(Some(Box::new(|| vault.set("x", &new).unwrap())));
        assert_eq!(get(&reader, "x").unwrap(), Some(new.clone()));
    }
}

#[test]
fn damage_is_an_error_and_not_a_missing_value_and_can_be_replaced() {
    let vault = MemoryVault::capped(LIMIT);
    vault.set("x", &value(2 * LIMIT, "a")).unwrap();
    let piece = vault.names().into_iter().find(|name| name.contains(INTERNAL)).unwrap();
    for damage in [Some(Secret::new("else".to_owned())), None] {
        match damage {
            Some(other) => vault.set_item(&piece, &other).unwrap(),
            None => drop(vault.delete_item(&piece).unwrap()),
        }
        assert!(matches!(vault.get("x"), Err(VaultError::Corrupt { .. })));
    }
    for header in
        ["{\"allmcp.pieces\":1", "{\"allmcp.pieces\":7,\"id\":\"\",\"count\":0,\"sha256\":\"\"}"]
    {
        vault.set_item("y", &Secret::new(header.to_owned())).unwrap();
        assert!(matches!(vault.get("y"), Err(VaultError::Corrupt { .. })));
        vault.set("y", &value(3, "a")).unwrap();
        assert_eq!(vault.get("y").unwrap(), Some(value(3, "a")));
    }
}

#[test]
fn a_store_without_a_limit_keeps_every_value_as_it_is() {
    let vault = MemoryVault::new();
    let odd = Secret::new(format!("{HEADER}1}}"));
    vault.set("x", &odd).unwrap();
    assert_eq!(vault.get("x").unwrap(), Some(odd));
    assert_eq!(vault.names(), ["x"]);
}

proptest! {
    #[test]
    fn pieces_are_small_enough_and_make_the_whole(text in ".{0,300}", limit in 2_usize..40) {
        let parts = split(&text, limit);
        prop_assert!(parts.iter().all(|part| units(part) <= limit));
        prop_assert_eq!(parts.concat(), text);
    }
}
