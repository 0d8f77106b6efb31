//! Points in time as people and models write them.

use crate::store::time;
use std::time::{Duration, SystemTime};

/// Why a text is not a point in time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no time; write it as 2026-12-31T18:00:00Z (RFC 3339)")]
pub struct WhenError(String);

/// Reads RFC 3339 with any offset. A date alone is its first moment in UTC; a missing offset
/// means UTC.
pub fn moment(text: &str) -> Result<SystemTime, WhenError> {
    let wrong = || WhenError(text.chars().take(60).collect());
    let trimmed = text.trim();
    if trimmed.len() == 10 {
        return humantime::parse_rfc3339_weak(&format!("{trimmed} 00:00:00")).map_err(|_| wrong());
    }
    // The sign of an offset comes after the time; the dashes before it are of the date.
    let sign = trimmed.rfind(['+', '-']).filter(|at| *at >= 16);
    let (local, offset) = match sign {
        Some(at) => (&trimmed[..at], offset(&trimmed[at..]).ok_or_else(wrong)?),
        None => (trimmed.trim_end_matches(['Z', 'z']), Offset::default()),
    };
    let local = local.replace('t', "T");
    let time = humantime::parse_rfc3339_weak(&local).map_err(|_| wrong())?;
    let moved = match offset {
        Offset { east: true, by } => time.checked_sub(by),
        Offset { east: false, by } => time.checked_add(by),
    };
    moved.ok_or_else(wrong)
}

/// RFC 3339 in UTC with milliseconds.
pub fn text(moment: SystemTime) -> String {
    time::text(moment)
}

#[derive(Default)]
struct Offset {
    east: bool,
    by: Duration,
}

/// `+02:00`
fn offset(text: &str) -> Option<Offset> {
    let (hours, minutes) = text.get(1..)?.split_once(':')?;
    let number = |text: &str, below: u64| {
        let good = text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
        text.parse::<u64>().ok().filter(|number| good && *number < below)
    };
    let seconds = number(hours, 24)? * 3600 + number(minutes, 60)? * 60;
    Some(Offset { east: text.starts_with('+'), by: Duration::from_secs(seconds) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_one_moment() {
        for form in [
            "2026-12-31T18:00:00Z",
            "2026-12-31T18:00:00.000Z",
            "2026-12-31t18:00:00z",
            "2026-12-31T20:00:00+02:00",
            "2026-12-31T12:30:00-05:30",
            "2026-12-31T18:00:00",
            " 2026-12-31 18:00:00 ",
        ] {
            let shown = moment(form).map(text);
            assert_eq!(shown.as_deref(), Ok("2026-12-31T18:00:00.000Z"), "{form}");
        }
        assert_eq!(moment("2026-12-31").map(text).unwrap(), "2026-12-31T00:00:00.000Z");
    }

    #[test]
    fn what_is_no_time_is_named() {
        for wrong in
            ["", "tomorrow", "2026-13-01", "2026-12-31T18:00:00+2:00", "2026-12-31T18:00:00+99:00"]
        {
            let error = moment(wrong).unwrap_err().to_string();
            assert!(error.contains(&format!("{wrong:?}")) && error.contains("RFC 3339"), "{error}");
        }
    }
}
