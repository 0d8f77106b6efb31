//! How findings look to people: a line each, and one for the fix.

use super::finding::{Check, Finding, Level};
use crate::{
    cli::{context::Context, error::CliResult, exit::Exit},
    text,
};

/// So many that are well have a line each; more of them share one, so that all fits a screen.
const LINES: usize = 3;

/// Lines and no table: a finding and its fix are of no use when they are cut.
pub(super) fn print(cx: &Context, findings: &[Finding]) -> CliResult {
    for line in lines(findings) {
        cx.out.line(&line)?;
    }
    cx.out.note(&summary(findings));
    Ok(Exit::DONE)
}

fn lines(findings: &[Finding]) -> Vec<String> {
    let mut lines = Vec::new();
    let mut folded = None;
    for finding in findings {
        let Finding { check, status, message, fix, .. } = finding;
        if let Some(names) = fold(findings, *check)
            && is_well(finding, *check)
        {
            if folded != Some(*check) {
                folded = Some(*check);
                let count = names.len();
                lines.push(row(
                    *status,
                    *check,
                    &format!("{count} are well: {}", names.join(", ")),
                ));
            }
            continue;
        }
        lines.push(row(*status, *check, message));
        lines.extend(fix.iter().map(|fix| format!("{:<23}fix: {fix}", "")));
    }
    lines
}

fn row(status: Level, check: Check, message: &str) -> String {
    format!("{:<9}  {:<11} {message}", status.shown(), check.word())
}

/// The names of those that are well, where they are too many for a line each.
fn fold(findings: &[Finding], check: Check) -> Option<Vec<&str>> {
    let well = findings.iter().filter(|finding| is_well(finding, check));
    let names: Vec<&str> = well.filter_map(|finding| finding.about.as_deref()).collect();
    (names.len() > LINES).then_some(names)
}

fn is_well(finding: &Finding, check: Check) -> bool {
    finding.status == Level::Ok && finding.check == check && finding.about.is_some()
}

fn summary(findings: &[Finding]) -> String {
    let count = |level: Level| findings.iter().filter(|finding| finding.status == level).count();
    match (count(Level::Error), count(Level::Warning)) {
        (0, 0) => "everything is as it should be".to_owned(),
        (0, warnings) => text::count(warnings, "warning"),
        (errors, 0) => text::count(errors, "error"),
        (errors, warnings) => {
            format!("{}, {}", text::count(errors, "error"), text::count(warnings, "warning"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_that_are_well_share_a_line_and_nothing_ill_is_hidden() {
        let well =
            |name: &str| Finding::ok(Check::Connection, format!("{name}: connected")).on(name);
        let ill = Finding::error(Check::Connection, "x: error", "do").on("x");
        let few = [well("a"), well("b")];
        assert_eq!(lines(&few).len(), 2);
        let many = [well("a"), ill, well("b"), well("c"), well("d")];
        let lines = lines(&many);
        assert_eq!(
            lines,
            [
                "✓ ok       connection  4 are well: a, b, c, d",
                "✗ error    connection  x: error",
                "                       fix: do"
            ]
        );
        assert_eq!(summary(&many), "1 error");
        assert_eq!(summary(&few), "everything is as it should be");
    }
}
