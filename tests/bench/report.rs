//! The table: promise, measured, ok or MISSED.

#[derive(Default)]
pub(crate) struct Report {
    ok: usize,
    missed: Vec<String>,
    unmeasured: usize,
}

/// What a row has to keep.
#[derive(Clone, Copy)]
pub(crate) enum Promise {
    AtMost(f64),
    AtLeast(f64),
    /// No promise: told because it explains the rows beside it.
    None,
}

/// The heading of a group of rows.
pub(crate) fn head(group: &str) {
    println!("\n{group}");
}

impl Report {
    /// One row; `value` is `None` where this system does not tell.
    pub(crate) fn row(
        &mut self,
        what: &str,
        promise: Promise,
        value: Option<f64>,
        unit: &str,
        note: &str,
    ) {
        let digits = match (unit, value) {
            ("×", _) => 2,
            (_, Some(v)) if v.abs() < 10.0 => 2,
            (_, Some(v)) if v.abs() < 1000.0 => 1,
            _ => 0,
        };
        let said = match promise {
            Promise::AtMost(limit) => format!("≤ {limit} {unit}"),
            Promise::AtLeast(limit) => format!("≥ {limit} {unit}"),
            Promise::None => String::new(),
        };
        let kept = value.map(|v| match promise {
            Promise::AtMost(limit) => v <= limit,
            Promise::AtLeast(limit) => v >= limit,
            Promise::None => true,
        });
        let verdict = match (promise, kept) {
            (_, None) => "no data",
            (Promise::None, _) => "",
            (_, Some(true)) => "ok",
            (_, Some(false)) => "MISSED",
        };
        match (promise, kept) {
            (_, None) => self.unmeasured += 1,
            (Promise::None, _) => {}
            (_, Some(true)) => self.ok += 1,
            (_, Some(false)) => self.missed.push(what.to_owned()),
        }
        let measured = value.map_or("-".to_owned(), |v| format!("{v:.digits$} {unit}"));
        println!("  {verdict:<8}{what:<52}{said:<12}{measured:>13}   {note}");
    }

    /// A row that is kept or not, without a number.
    pub(crate) fn check(&mut self, what: &str, kept: bool, note: &str) {
        if kept {
            self.ok += 1;
        } else {
            self.missed.push(what.to_owned());
        }
        let verdict = if kept { "ok" } else { "MISSED" };
        println!(
            "  {verdict:<8}{what:<52}{:<12}{:>13}   {note}",
            "",
            if kept { "pass" } else { "fail" }
        );
    }

    pub(crate) fn missed(&self) -> usize {
        self.missed.len()
    }

    /// The closing line, which counts.
    pub(crate) fn close(&self) {
        let unmeasured = match self.unmeasured {
            0 => String::new(),
            n => format!(", {n} without data"),
        };
        println!("\n{} rows kept, {} missed{unmeasured}", self.ok, self.missed.len());
        for what in &self.missed {
            println!("  missed: {what}");
        }
    }
}
