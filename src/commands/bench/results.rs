//! What the profiles of a run have come to, one after another: each is printed as it is measured, and all
//! together give the exit code.

use std::fmt::Display;
use std::process::ExitCode;

use serde::Serialize;

use super::args::Args;
use super::bars::Bars;

/// What was found of one profile.
pub(super) trait Outcome: Serialize + Display {
    /// What was asked for.
    fn profile(&self) -> &'static str;
    /// Whether nothing failed and the books add up.
    fn is_sound(&self) -> bool;
    /// What it is to reach. (A bar that is missed says as much about the machine.)
    fn bars(&self) -> Bars;
}

/// All of them.
pub(super) struct Results<'a> {
    args: &'a Args,
    sound: bool,
    missed: Vec<String>,
    /// The profiles that have no bars where they were measured.
    unjudged: Vec<&'static str>,
}

impl<'a> Results<'a> {
    /// None yet.
    pub(super) const fn new(args: &'a Args) -> Self {
        Self { args, sound: true, missed: Vec::new(), unjudged: Vec::new() }
    }

    /// Prints one, and keeps what is wrong with it.
    pub(super) fn show(&mut self, outcome: &impl Outcome) {
        if self.args.json {
            let json = serde_json::to_string(outcome).expect("numbers and texts are always JSON");
            println!("{json}");
        } else {
            println!("{outcome}");
        }
        self.sound &= outcome.is_sound();
        if self.args.bars {
            let (profile, bars) = (outcome.profile(), outcome.bars());
            self.missed.extend(bars.missed().map(|bar| format!("{profile}: {bar}")));
            self.unjudged.extend(bars.is_empty().then_some(profile));
        }
    }

    /// Names the bars that were missed, and what was not judged, apart from the results, which others may
    /// read.
    pub(super) fn end(self) -> ExitCode {
        for bar in &self.missed {
            eprintln!("missed {bar}");
        }
        for profile in &self.unjudged {
            eprintln!("not judged: {profile} has no bars on what was measured (see docs/BENCH.md)");
        }
        let passed = self.sound && self.missed.is_empty() && self.unjudged.is_empty();
        if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::bars::Bar;
    use super::super::report::Report;
    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        args: Args,
    }

    /// Whether a run passes with one bar missed, and so many failed requests.
    fn check(flags: &[&str], errors: u64, passes: bool) {
        let args = Cli::parse_from(["bench"].iter().chain(flags)).args;
        let mut bars = Bars::default();
        bars.tell("rss_mb", Some(200.0), Bar::Below(150.0));
        let mut results = Results::new(&args);
        results.show(&Report { profile: "personal", errors, bars, ..Report::default() });
        let named: Vec<String> = results.missed.clone();
        assert_eq!(named.is_empty(), !args.bars, "{named:?}");
        let code = if passes { ExitCode::SUCCESS } else { ExitCode::FAILURE };
        assert_eq!(format!("{:?}", results.end()), format!("{code:?}"), "{flags:?} {errors}");
    }

    #[test]
    fn what_has_no_bars_passes_none() {
        for (flags, passes) in [(&["bench"][..], true), (&["bench", "--bars"], false)] {
            let args = Cli::parse_from(flags).args;
            let mut bars = Bars::default();
            bars.tell("rss_mb", Some(100.0), Bar::Below(150.0));
            let mut results = Results::new(&args);
            results.show(&Report { profile: "personal", bars, ..Report::default() });
            assert!(results.unjudged.is_empty());
            results.show(&Report { profile: "uncontended", ..Report::default() });
            let code = if passes { ExitCode::SUCCESS } else { ExitCode::FAILURE };
            assert_eq!(format!("{:?}", results.end()), format!("{code:?}"), "{flags:?}");
        }
    }

    #[test]
    fn missed_bars_fail_a_run_only_where_that_is_asked_for() {
        check(&[], 0, true);
        check(&["--bars"], 0, false);
        check(&["--bars", "--json"], 0, false);
        check(&[], 1, false);
    }
}
