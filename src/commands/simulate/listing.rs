//! Which transactions the platform lists, and in which order: by state, by date, sorted. What a caller
//! does not say is as the platform documents it: neither what was declined nor what has been cleared.

use serde::Deserialize;
use serde_json::Value;

use super::platform::State;
use crate::domain::time::Timestamp;

/// How far back the list goes unless both dates are given.
const USUAL_US: i64 = 30 * 24 * 3_600 * 1_000_000;

/// What a caller wants to see.
#[derive(Deserialize)]
#[serde(default)]
pub(super) struct Wanted {
    state: String,
    sort_by: String,
    start_date: Option<String>,
    end_date: Option<String>,
}

impl Default for Wanted {
    fn default() -> Self {
        Self {
            state: "PENDING,COMPLETION".to_owned(),
            sort_by: "-user_transaction_time".to_owned(),
            start_date: None,
            end_date: None,
        }
    }
}

impl Wanted {
    /// The transactions, sorted; `None`: a date can not be read.
    pub(super) fn of<'a>(&self, state: &'a State, now: Timestamp) -> Option<Vec<&'a Value>> {
        let (from, to) = self.range(now)?;
        let wanted = |one: &&Value| {
            let created = one["created_time"].as_str().and_then(Timestamp::parse);
            self.is_state(state.stands(one)) && created.is_some_and(|at| from <= at && at <= to)
        };
        let mut found: Vec<&Value> = state.transactions.iter().filter(wanted).collect();
        let ascending = self.sort_by.trim_start_matches('-');
        let field = if ascending == "createdTime" { "created_time" } else { ascending };
        // All times are written alike, so that their texts are in their order.
        found.sort_by(|one, other| one[field].as_str().cmp(&other[field].as_str()));
        if self.sort_by.starts_with('-') {
            found.reverse();
        }
        Some(found)
    }

    fn is_state(&self, state: &str) -> bool {
        self.state.split(',').any(|wanted| wanted == "ALL" || wanted == state)
    }

    fn range(&self, now: Timestamp) -> Option<(Timestamp, Timestamp)> {
        let read = |date: &Option<String>, time: &str| match date {
            Some(text) => read(text, time).map(Some),
            None => Some(None),
        };
        let from = read(&self.start_date, "00:00:00")?;
        let to = read(&self.end_date, "23:59:59.999999")?;
        let usual = now.plus_micros(-USUAL_US);
        Some(match (from, to) {
            (Some(from), Some(to)) => (from, to),
            (from, to) => (from.unwrap_or(usual).max(usual), to.unwrap_or(now)),
        })
    }
}

/// A date, at this time of the day, or a date with a time.
fn read(text: &str, time: &str) -> Option<Timestamp> {
    if text.contains('T') {
        return Timestamp::parse(text).or_else(|| Timestamp::parse(&format!("{text}Z")));
    }
    Timestamp::parse(&format!("{text}T{time}Z"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tokens(wanted: &Wanted) -> Vec<String> {
        let mut state = State::default();
        for (token, of, at) in [
            ("b", "CLEARED", "2026-11-20T12:00:00.500000Z"),
            ("a", "PENDING", "2026-11-20T11:00:00.000000Z"),
            ("c", "DECLINED", "2026-11-21T00:00:00.000000Z"),
            ("old", "COMPLETION", "2026-09-01T00:00:00.000000Z"),
        ] {
            state.transactions.push(json!({"token": token, "state": of,
                "created_time": at, "user_transaction_time": at}));
        }
        let now = Timestamp::parse("2026-11-22T00:00:00Z").unwrap();
        let found = wanted.of(&state, now).unwrap();
        found.iter().map(|one| one["token"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn what_is_not_said_is_as_the_platform_has_it() {
        assert_eq!(tokens(&Wanted::default()), ["a"]);
        let all = || Wanted { state: "ALL".to_owned(), ..Wanted::default() };
        assert_eq!(tokens(&all()), ["c", "b", "a"], "the newest first, of the last 30 days");
        let sort_by = "created_time".to_owned();
        assert_eq!(tokens(&Wanted { sort_by, ..all() }), ["a", "b", "c"]);
        let declined = Wanted { state: "DECLINED,ERROR".to_owned(), ..Wanted::default() };
        assert_eq!(tokens(&declined), ["c"]);
    }

    #[test]
    fn dates_are_days_or_times_and_older_ones_need_both() {
        let between = |from: &str, to: Option<&str>| Wanted {
            state: "ALL".to_owned(),
            start_date: Some(from.to_owned()),
            end_date: to.map(str::to_owned),
            ..Wanted::default()
        };
        assert_eq!(tokens(&between("2026-11-20", Some("2026-11-20"))), ["b", "a"]);
        let times = between("2026-11-20T11:00:01", Some("2026-11-20T12:00:01Z"));
        assert_eq!(tokens(&times), ["b"]);
        assert_eq!(tokens(&between("2026-01-01", None)), ["c", "b", "a"]);
        assert_eq!(tokens(&between("2026-01-01", Some("2026-10-01"))), ["old"]);
        let now = Timestamp::parse("2026-11-22T00:00:00Z").unwrap();
        assert!(between("yesterday", None).of(&State::default(), now).is_none());
    }
}
