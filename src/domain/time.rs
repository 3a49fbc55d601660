//! Points in time, calendar windows and time zones.

use std::fmt;
use std::sync::Arc;

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// UTC, in microseconds since 1970.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// A point this many microseconds after 1970-01-01T00:00:00Z.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since 1970-01-01T00:00:00Z.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Reads RFC 3339: a date, a time and an offset (or `Z`). Finer than microseconds is cut off.
    pub fn parse(text: &str) -> Option<Self> {
        text.parse::<jiff::Timestamp>().ok().map(|at| Self(at.as_microsecond()))
    }

    /// This many microseconds later, at most the end of time.
    #[must_use]
    pub const fn plus_micros(self, micros: i64) -> Self {
        Self(self.0.saturating_add(micros))
    }

    /// This many days of 24 hours later.
    #[must_use]
    pub const fn plus_days(self, days: u16) -> Self {
        // A u16 of days is far inside the range; the cast widens.
        #[expect(clippy::as_conversions, reason = "widening in a const fn")]
        self.plus_micros((days as i64).saturating_mul(86_400_000_000))
    }

    fn to_jiff(self) -> jiff::Timestamp {
        jiff::Timestamp::from_microsecond(self.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
    }
}

/// RFC 3339 with microseconds, in UTC.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.6}", self.to_jiff())
    }
}

/// A reading of a clock that only grows, in microseconds. Comparable within one process only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Monotonic(u64);

impl Monotonic {
    /// A reading of this many microseconds.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// The reading in microseconds.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// Microseconds from `earlier` until this reading; 0 if it is not earlier.
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// This many microseconds later.
    #[must_use]
    pub const fn plus_micros(self, micros: u64) -> Self {
        Self(self.0.saturating_add(micros))
    }
}

/// A time zone of the IANA database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    name: Arc<str>,
    rules: TimeZone,
}

impl Zone {
    /// Looks up an IANA name such as `Europe/Brussels` or `UTC`.
    pub fn parse(name: &str) -> Option<Self> {
        let rules = TimeZone::get(name).ok()?;
        Some(Self { name: rules.iana_name().unwrap_or(name).into(), rules })
    }

    /// Coordinated universal time.
    pub fn utc() -> Self {
        Self { name: "UTC".into(), rules: TimeZone::UTC }
    }

    /// The IANA name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The first instant of a civil day here (a day may begin at 01:00 where clocks change).
    fn start_of(&self, day: Date) -> Timestamp {
        day.to_zoned(self.rules.clone()).map_or(Timestamp::from_micros(i64::MAX), |at| {
            Timestamp(at.timestamp().as_microsecond())
        })
    }

    fn day(&self, at: Timestamp) -> Date {
        at.to_jiff().to_zoned(self.rules.clone()).date()
    }
}

impl Serialize for Zone {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.name)
    }
}

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&name).ok_or_else(|| serde::de::Error::custom("not an IANA time zone"))
    }
}

/// Over what a limit counts. Calendar windows, in the account's time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Window {
    /// One purchase alone; nothing is counted.
    Transaction,
    /// From 00:00.
    Day,
    /// From Monday 00:00.
    Week,
    /// From the 1st, 00:00.
    Month,
    /// For ever.
    Lifetime,
}

impl Window {
    /// The name used in codes and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Transaction => "transaction",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Lifetime => "lifetime",
        }
    }
}

impl Window {
    /// When the window that holds `at` ends, and the next begins. [`Window::Transaction`] and
    /// [`Window::Lifetime`] have no end.
    pub fn end(self, at: Timestamp, zone: &Zone) -> Option<Timestamp> {
        let today = zone.day(at);
        let next = match self {
            Self::Day => today.tomorrow(),
            Self::Week => today.nth_weekday(1, Weekday::Monday),
            Self::Month => today.last_of_month().tomorrow(),
            Self::Transaction | Self::Lifetime => return None,
        };
        next.ok().map(|day| zone.start_of(day))
    }
}

/// When the current calendar windows began, as seen at one instant in one zone. Calendar
/// arithmetic costs more than the checks that need it, so it is done once for a purchase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowStarts {
    day: Timestamp,
    week: Timestamp,
    month: Timestamp,
}

impl WindowStarts {
    /// The windows that hold `at`.
    pub fn at(at: Timestamp, zone: &Zone) -> Self {
        let today = zone.day(at);
        let monday = match today.weekday() {
            Weekday::Monday => today,
            _ => today.nth_weekday(-1, Weekday::Monday).unwrap_or(today),
        };
        Self {
            day: zone.start_of(today),
            week: zone.start_of(monday),
            month: zone.start_of(today.first_of_month()),
        }
    }

    /// When the window began. [`Window::Transaction`] and [`Window::Lifetime`] began at 0.
    pub const fn of(&self, window: Window) -> Timestamp {
        match window {
            Window::Day => self.day,
            Window::Week => self.week,
            Window::Month => self.month,
            Window::Transaction | Window::Lifetime => Timestamp::from_micros(0),
        }
    }
}

/// The last month in which a card is good, as printed on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expiry {
    year: i16,
    month: i8,
}

impl Expiry {
    /// Reads `YYYY-MM`.
    pub fn parse(text: &str) -> Option<Self> {
        let (year, month) = text.split_once('-')?;
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if year.len() != 4 || month.len() != 2 || !digits(year) || !digits(month) {
            return None;
        }
        let (year, month) = (year.parse().ok()?, month.parse().ok()?);
        Date::new(year, month, 1).ok()?;
        Some(Self { year, month })
    }

    /// Whether the month has ended at `at` in `zone`.
    pub fn passed(self, at: Timestamp, zone: &Zone) -> bool {
        let today = zone.day(at);
        (today.year(), today.month()) > (self.year, self.month)
    }
}

impl fmt::Display for Expiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

impl Serialize for Expiry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Expiry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("expected YYYY-MM"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp(text.parse::<jiff::Timestamp>().unwrap().as_microsecond())
    }

    #[test]
    fn a_window_ends_where_the_next_begins() {
        let zone = Zone::parse("Europe/Brussels").unwrap();
        let end = |window: Window, now: &str| window.end(at(now), &zone);
        let now = "2026-03-29T12:00:00Z"; // a Sunday on which clocks go forward
        assert_eq!(end(Window::Day, now), Some(at("2026-03-29T22:00:00Z")));
        assert_eq!(end(Window::Week, now), Some(at("2026-03-29T22:00:00Z")));
        assert_eq!(end(Window::Month, now), Some(at("2026-03-31T22:00:00Z")));
        assert_eq!(end(Window::Week, "2026-03-30T12:00:00Z"), Some(at("2026-04-05T22:00:00Z")));
        assert_eq!(end(Window::Month, "2026-12-31T22:30:00Z"), Some(at("2026-12-31T23:00:00Z")));
        assert_eq!(end(Window::Lifetime, now), None);
        assert_eq!(end(Window::Transaction, now), None);
    }

    fn check(zone: &str, now: &str, day: &str, week: &str, month: &str) {
        let starts = WindowStarts::at(at(now), &Zone::parse(zone).unwrap());
        let expected = WindowStarts { day: at(day), week: at(week), month: at(month) };
        assert_eq!(starts, expected, "{zone} {now}");
    }

    #[test]
    fn windows_begin_at_local_midnight() {
        check(
            "Europe/Brussels",
            "2026-03-29T12:00:00Z", // the day clocks went forward
            "2026-03-28T23:00:00Z",
            "2026-03-22T23:00:00Z",
            "2026-02-28T23:00:00Z",
        );
        check(
            "America/New_York",
            "2026-11-02T04:59:59Z", // 23:59:59 on Sunday the 1st, clocks went back that morning
            "2026-11-01T04:00:00Z",
            "2026-10-26T04:00:00Z",
            "2026-11-01T04:00:00Z",
        );
        check(
            "UTC",
            "2028-02-29T00:00:00Z",
            "2028-02-29T00:00:00Z",
            "2028-02-28T00:00:00Z",
            "2028-02-01T00:00:00Z",
        );
    }

    #[test]
    fn a_day_begins_late_where_midnight_does_not_exist() {
        // Santiago skipped 00:00-01:00 on 2024-09-08.
        let zone = Zone::parse("America/Santiago").unwrap();
        let starts = WindowStarts::at(at("2024-09-08T12:00:00Z"), &zone);
        assert_eq!(starts.of(Window::Day), at("2024-09-08T04:00:00Z"));
    }

    #[test]
    fn windows_never_begin_after_the_instant_and_never_move_back_over_two_years() {
        for zone in ["UTC", "Europe/Brussels", "America/New_York", "Australia/Lord_Howe"] {
            let zone = Zone::parse(zone).unwrap();
            let mut now = at("2025-12-31T00:00:00Z");
            let mut before = WindowStarts::at(now, &zone);
            for _ in 0..2 * 365 * 24 {
                now = now.plus_micros(3_600_000_000);
                let starts = WindowStarts::at(now, &zone);
                for window in [Window::Day, Window::Week, Window::Month] {
                    assert!(starts.of(window) <= now && starts.of(window) >= before.of(window));
                }
                before = starts;
            }
        }
    }

    #[test]
    fn a_card_is_good_until_its_month_ends_in_its_zone() {
        let expiry = Expiry::parse("2026-03").unwrap();
        let zone = Zone::parse("Europe/Brussels").unwrap();
        assert!(!expiry.passed(at("2026-03-31T21:59:59Z"), &zone));
        assert!(expiry.passed(at("2026-03-31T22:00:00Z"), &zone));
        for text in ["2026-13", "2026-00", "26-03", "2026-3", "2026/03", "+202-03"] {
            assert_eq!(Expiry::parse(text), None, "{text}");
        }
    }
}
