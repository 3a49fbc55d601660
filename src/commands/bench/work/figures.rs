//! What a profile of the queues found: figures by name, each beside the bar that it is to reach.

use std::collections::BTreeMap;
use std::fmt;

use hdrhistogram::Histogram;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::super::answers::Failures;
use super::super::load::{Phase, count};

/// What is expected of a figure on a machine of two cores, in a release build.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bar {
    /// This, or more.
    AtLeast(f64),
    /// Less than this.
    Below(f64),
}

impl Bar {
    fn is_reached(self, value: f64) -> bool {
        match self {
            Self::AtLeast(bar) => value >= bar,
            Self::Below(bar) => value < bar,
        }
    }
}

impl fmt::Display for Bar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(bar) => write!(f, "at least {bar}"),
            Self::Below(bar) => write!(f, "below {bar}"),
        }
    }
}

/// One figure; its name ends in its unit.
#[derive(Clone, Copy, Debug)]
struct Figure {
    name: &'static str,
    value: f64,
    bar: Option<Bar>,
}

/// The result of one profile.
#[derive(Clone, Debug, Default)]
pub struct WorkReport {
    /// What was asked for.
    pub profile: &'static str,
    /// Where books and queues are.
    pub servers: Vec<&'static str>,
    /// Services at work.
    pub instances: u16,
    figures: Vec<Figure>,
    /// What failed, by kind.
    pub failures: Failures,
    /// One of them.
    pub example: Option<String>,
    /// Whether the books of all homes add up in the end.
    pub verified: Option<bool>,
}

impl WorkReport {
    /// One without figures yet.
    pub fn of(profile: &'static str, servers: Vec<&'static str>, instances: u16) -> Self {
        Self { profile, servers, instances, ..Self::default() }
    }

    /// Adds a figure.
    pub fn tell(&mut self, name: &'static str, value: f64) {
        self.figures.push(Figure { name, value, bar: None });
    }

    /// Adds a figure that is to reach a bar.
    pub fn tell_against(&mut self, name: &'static str, value: f64, bar: Bar) {
        self.figures.push(Figure { name, value, bar: Some(bar) });
    }

    /// Counts what failed in a phase.
    pub fn take_failures(&mut self, phase: &Phase) {
        self.failures = self.failures.and(&phase.failures);
        if self.example.is_none() {
            self.example.clone_from(&phase.example);
        }
    }

    /// Whether nothing failed and the books add up. A bar that is not reached is no fault: it says
    /// as much about the machine.
    pub fn is_sound(&self) -> bool {
        self.failures.total() == 0 && self.verified != Some(false)
    }
}

/// A quantile in milliseconds.
pub fn quantile_ms(histogram: &Histogram<u64>, quantile: f64) -> f64 {
    count(histogram.value_at_quantile(quantile)) / 1_000.0
}

impl Serialize for WorkReport {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(None)?;
        object.serialize_entry("profile", self.profile)?;
        object.serialize_entry("servers", &self.servers)?;
        object.serialize_entry("instances", &self.instances)?;
        for figure in &self.figures {
            object.serialize_entry(figure.name, &figure.value)?;
        }
        let missed = |figure: &&Figure| figure.bar.is_some_and(|bar| !bar.is_reached(figure.value));
        let missed: BTreeMap<&str, String> = self
            .figures
            .iter()
            .filter(missed)
            .filter_map(|figure| Some((figure.name, figure.bar?.to_string())))
            .collect();
        object.serialize_entry("missed", &missed)?;
        object.serialize_entry("errors", &self.failures.total())?;
        object.serialize_entry("failures", &self.failures)?;
        object.serialize_entry("error_example", &self.example)?;
        object.serialize_entry("verified", &self.verified)?;
        object.end()
    }
}

impl fmt::Display for WorkReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "profile {} on {}\n", self.profile, self.servers.join(", "))?;
        for Figure { name, value, bar } in &self.figures {
            write!(f, "{name:<34}{value:>12.2}")?;
            match bar {
                Some(bar) if bar.is_reached(*value) => writeln!(f, "  {bar}")?,
                Some(bar) => writeln!(f, "  MISSED: {bar}")?,
                None => writeln!(f)?,
            }
        }
        writeln!(f, "{:<34}{:>12}", "errors", self.failures.total())?;
        if let Some(clean) = self.verified {
            let books = if clean { "clean" } else { "DIFFER" };
            writeln!(f, "{:<34}{books:>12}", "books")?;
        }
        self.example.iter().try_for_each(|example| writeln!(f, "  such as: {example}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_told_by_name_and_missed_bars_are_named() {
        let mut report = WorkReport { profile: "queue", ..WorkReport::default() };
        report.tell_against("decisions_per_s", 3_999.0, Bar::AtLeast(4_000.0));
        report.tell_against("p99_ms", 12.5, Bar::Below(50.0));
        report.tell("batch_mean", 30.0);
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!((&json["decisions_per_s"], &json["p99_ms"]), (&3_999.0.into(), &12.5.into()));
        assert_eq!(json["missed"], serde_json::json!({"decisions_per_s": "at least 4000"}));
        let text = report.to_string();
        assert!(text.contains("MISSED: at least 4000") && text.contains("  below 50\n"), "{text}");
        assert!(report.is_sound(), "the machine is not what is tested");
        report.verified = Some(false);
        assert!(!report.is_sound() && report.to_string().contains("DIFFER"));
    }
}
