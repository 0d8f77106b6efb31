//! What may be said on the command line.

use std::path::PathBuf;

const HELP: &str = "\
usage: cargo bench --profile dist --bench traffic -- [options]
  --quick          fewer rounds and shorter ones, for a look
  --long           memory growth over 1,000,000 calls instead of 100,000
  --report         exit 0 also when a row is missed
  --only A,B       only these groups: start one flood big huge memory size
  --rounds N       rounds of each group (7)
  --binary PATH    measure this allmcp instead of the one just built";

pub(crate) struct Options {
    pub(crate) rounds: usize,
    /// Scales the number of calls and the length of a flood.
    pub(crate) quick: bool,
    pub(crate) report: bool,
    pub(crate) growth_calls: u64,
    pub(crate) binary: PathBuf,
    only: Vec<String>,
}

impl Options {
    pub(crate) fn parse(arguments: &[String]) -> Result<Self, String> {
        let mut options = Self {
            rounds: 7,
            quick: false,
            report: false,
            growth_calls: 100_000,
            binary: PathBuf::from(env!("CARGO_BIN_EXE_allmcp")),
            only: Vec::new(),
        };
        let mut left = arguments.iter();
        let mut rounds = None;
        while let Some(argument) = left.next() {
            let mut value =
                || left.next().ok_or(format!("error: {argument} needs a value\n{HELP}"));
            match argument.as_str() {
                // Cargo says this to every bench.
                "--bench" => {}
                "--quick" => options.quick = true,
                "--long" => options.growth_calls = 1_000_000,
                "--report" => options.report = true,
                "--only" => options.only = value()?.split(',').map(str::to_owned).collect(),
                "--rounds" => rounds = Some(value()?.parse().map_err(|_| HELP.to_owned())?),
                "--binary" => options.binary = value()?.into(),
                _ => return Err(HELP.to_owned()),
            }
        }
        options.rounds = rounds.unwrap_or(if options.quick { 3 } else { 7 }).max(1);
        Ok(options)
    }

    pub(crate) fn wants(&self, group: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|g| g == group)
    }

    /// `full`, or a third of it when quick.
    pub(crate) fn calls(&self, full: usize) -> usize {
        if self.quick { full / 3 } else { full }
    }
}
