//! What figures are to reach on a machine of two cores, in a release build.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Serialize, Serializer};

/// What is expected of a figure.
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
pub struct Figure {
    /// Its name.
    pub name: &'static str,
    /// What was measured.
    pub value: f64,
    /// What it is to reach, if anything.
    pub bar: Option<Bar>,
}

impl Figure {
    /// The bar that it misses.
    fn missed(&self) -> Option<Bar> {
        self.bar.filter(|bar| !bar.is_reached(self.value))
    }
}

/// A line of a table.
impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, value, bar } = self;
        write!(f, "{name:<34}{value:>12.2}")?;
        match bar {
            Some(bar) if bar.is_reached(*value) => write!(f, "  {bar}"),
            Some(bar) => write!(f, "  MISSED: {bar}"),
            None => Ok(()),
        }
    }
}

/// The figures of a profile that are to reach something.
#[derive(Clone, Debug, Default)]
pub struct Bars(Vec<Figure>);

impl Bars {
    /// Adds a figure. What was not measured is not judged.
    pub fn tell(&mut self, name: &'static str, value: Option<f64>, bar: Bar) {
        self.0.extend(value.map(|value| Figure { name, value, bar: Some(bar) }));
    }

    /// Those of these figures that have one.
    pub fn of(figures: &[Figure]) -> Self {
        Self(figures.iter().filter(|figure| figure.bar.is_some()).copied().collect())
    }

    /// Whether nothing is judged.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The bars that were missed, a line each.
    pub fn missed(&self) -> impl Iterator<Item = String> {
        self.0.iter().filter_map(|figure| {
            let bar = figure.missed()?;
            Some(format!("{} {:.2}, {bar}", figure.name, figure.value))
        })
    }
}

/// A table.
impl fmt::Display for Bars {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|figure| writeln!(f, "{figure}"))
    }
}

/// By the figure's name.
impl Serialize for Bars {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Judged {
            value: f64,
            bar: String,
            reached: bool,
        }
        let judged = self.0.iter().filter_map(|figure| {
            let (value, bar) = (figure.value, figure.bar?.to_string());
            Some((figure.name, Judged { value, bar, reached: figure.missed().is_none() }))
        });
        judged.collect::<BTreeMap<_, _>>().serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_reached_at_least_or_from_below() {
        let check = |bar: Bar, value, expected| assert_eq!(bar.is_reached(value), expected);
        check(Bar::AtLeast(0.5), 0.49, false);
        check(Bar::AtLeast(0.5), 0.5, true);
        check(Bar::Below(25.0), 24.9, true);
        check(Bar::Below(25.0), 25.0, false);
        check(Bar::AtLeast(0.5), f64::NAN, false);
        check(Bar::Below(25.0), f64::NAN, false);
    }

    #[test]
    fn missed_bars_are_named_and_what_was_not_measured_is_not_judged() {
        let mut bars = Bars::default();
        bars.tell("decisions_per_s", Some(9_999.0), Bar::AtLeast(10_000.0));
        bars.tell("p99_ms", Some(24.0), Bar::Below(25.0));
        bars.tell("rss_mb", None, Bar::Below(150.0));
        assert_eq!(bars.missed().collect::<Vec<_>>(), ["decisions_per_s 9999.00, at least 10000"]);
        let json = serde_json::to_value(&bars).unwrap();
        let rate = serde_json::json!({"value": 9_999.0, "bar": "at least 10000", "reached": false});
        assert_eq!(json["decisions_per_s"], rate);
        assert_eq!((&json["p99_ms"]["reached"], json.get("rss_mb")), (&true.into(), None));
        let text = bars.to_string();
        assert!(text.contains("9999.00  MISSED: at least 10000\n"), "{text}");
        assert!(text.contains("24.00  below 25\n"), "{text}");
    }
}
