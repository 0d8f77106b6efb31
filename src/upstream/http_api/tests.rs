//! The whole way, from a manifest that comes with the program to a stand-in for its vendor.
use super::*;
use std::collections::BTreeMap as Map_;

/// The values of a connection, as `auth` has them.
pub(super) struct Known(Map_<String, String>);

impl Known {
    pub(super) fn new(values: &[(&str, &str)]) -> Self {
        Self(values.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
    }
}

impl Fill for Known {
    fn fill(&self, template: &Template) -> Result<Secret<String>, AuthError> {
        let value = |hole: &Hole| match hole {
            Hole::Secret(name) | Hole::Param(name) => self.0.get(name).cloned().map(Secret::new),
            _ => None,
        };
        template.expand(value).map_err(|error| AuthError::NeedsAuth {
            name: "c".parse().unwrap(),
            reason: error.to_string(),
        })
    }
}
