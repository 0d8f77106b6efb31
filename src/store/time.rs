//! Times as RFC 3339 in UTC with milliseconds, for serde.

use serde::{Deserialize, Deserializer, Serializer, de::Error as _};
use std::time::SystemTime;

pub(super) fn text(time: SystemTime) -> String {
    // Before 1970 or after 9999 humantime refuses; no clock of ours means to say that.
    let last = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(253_402_300_799);
    humantime::format_rfc3339_millis(time.clamp(SystemTime::UNIX_EPOCH, last)).to_string()
}

#[cfg_attr(windows, expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so"))]
pub(super) fn serialize<S: Serializer>(time: &SystemTime, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&text(*time))
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<SystemTime, D::Error> {
    let text = <std::borrow::Cow<'de, str>>::deserialize(from)?;
    humantime::parse_rfc3339_weak(&text).map_err(D::Error::custom)
}

/// The same for a time that may be missing.
pub(super) mod optional {
    use super::{Deserialize, Deserializer, Serializer, SystemTime};

    #[derive(Deserialize)]
    struct Time(#[serde(with = "super")] SystemTime);

    #[expect(clippy::ref_option, reason = "serde wants it so")]
    pub(in crate::store) fn serialize<S: Serializer>(
        time: &Option<SystemTime>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => super::serialize(time, to),
            None => to.serialize_none(),
        }
    }

    pub(in crate::store) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<SystemTime>, D::Error> {
        Option::<Time>::deserialize(from).map(|time| time.map(|t| t.0))
    }
}
