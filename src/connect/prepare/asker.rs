//! Whom connecting asks.

use super::{Sheet, Slot};
use crate::{connect::Ask, secret::Secret};
use futures_util::future::BoxFuture;
use std::collections::BTreeMap;

/// What was filled in; a slot that is optional may be missing.
pub type Answers = BTreeMap<Slot, Secret<String>>;

/// A person at a terminal, a page, or nobody.
pub trait Asker: Ask {
    /// What one has to know before; `of` is whose traps they are.
    fn warn(&self, of: &str, warnings: &[String]);

    /// Whether a choice would be put to somebody; else the simplest is taken.
    fn can_ask(&self) -> bool;

    /// One of several.
    fn choose<'a>(&'a self, choice: &'a Choice) -> BoxFuture<'a, Chosen>;

    /// All that is missing at once. What comes back passes [`Sheet::check`], or the flow ends with
    /// what is wrong with it.
    fn fill<'a>(&'a self, sheet: &'a Sheet) -> BoxFuture<'a, Result<Answers, Unanswered>>;
}

/// The value that was chosen.
pub type Chosen = Result<String, Unanswered>;

/// A question that has one of several answers.
#[derive(Debug, Clone)]
pub struct Choice {
    pub of: ChoiceOf,
    pub title: String,
    /// Value, label, and a text where there is more to say.
    pub options: Vec<(String, String, Option<String>)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChoiceOf {
    /// How to sign in.
    Way,
    /// This parameter, in the middle of a login.
    Param(String),
}

/// Nobody answered; whoever asks knows more of why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unanswered(pub String);
