//! What a profile of the queues found: figures by name, each beside the bar that it is to reach.

use std::fmt;

use hdrhistogram::Histogram;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::super::answers::Failures;
use super::super::bars::{Bar, Bars, Figure};
use super::super::load::{Phase, count};
use super::super::results::Outcome;

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
}

impl Outcome for WorkReport {
    fn profile(&self) -> &'static str {
        self.profile
    }

    fn is_sound(&self) -> bool {
        self.failures.total() == 0 && self.verified != Some(false)
    }

    fn bars(&self) -> Bars {
        Bars::of(&self.figures)
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
        object.serialize_entry("bars", &self.bars())?;
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
        self.figures.iter().try_for_each(|figure| writeln!(f, "{figure}"))?;
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
        let reached = |figure: &str| json["bars"][figure]["reached"].as_bool();
        assert_eq!((reached("decisions_per_s"), reached("p99_ms")), (Some(false), Some(true)));
        assert_eq!(reached("batch_mean"), None);
        let text = report.to_string();
        assert!(text.contains("MISSED: at least 4000") && text.contains("  below 50\n"), "{text}");
        assert!(report.is_sound(), "the machine is not what is tested");
        report.verified = Some(false);
        assert!(!report.is_sound() && report.to_string().contains("DIFFER"));
    }
}
