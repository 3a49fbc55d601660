//! Judges answers: is it what a purchase with this card must be answered, and if not, what kind of
//! failure is it?

use std::collections::BTreeMap;
use std::io;

use serde::Serialize;

use super::connection::Response;
use super::profile::Expected;

/// How much of a wrong answer is kept as an example.
const EXAMPLE_BYTES_MAX: usize = 300;

/// What is expected of a server's answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// The decision that the card calls for, with the token of its request.
    Decision,
    /// This status, whatever the body: the empty handler knows no cards, and what is only taken in
    /// is not decided yet.
    Status(u16),
    /// 200 or 201, whatever the body.
    Success,
}

/// What a right answer said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answered {
    /// 200.
    Approved,
    /// 402 for the reason that was expected.
    Declined,
}

/// A request that failed.
#[derive(Debug, PartialEq, Eq)]
pub struct Failure {
    /// How.
    pub kind: FailureKind,
    /// For people.
    pub text: String,
}

/// How a request can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// No connection, a broken one, or no answer in time.
    Connection,
    /// Neither 200 nor 402.
    Status(u16),
    /// 402 with the memo `unavailable`: nothing was decided.
    Unavailable,
    /// Another decision than the expected one, or the answer to another request.
    Wrong,
    /// The phase ended before it could be sent.
    Unsent,
}

/// Failures, counted by kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Failures {
    /// No connection, a broken one, or no answer in time.
    pub connection: u64,
    /// Neither 200 nor 402.
    pub status: u64,
    /// Those by status.
    pub statuses: BTreeMap<u16, u64>,
    /// 402 with the memo `unavailable`: nothing was decided.
    pub unavailable: u64,
    /// Another decision than the expected one, or the answer to another request.
    pub wrong: u64,
    /// Due, but not sent before the phase was given up.
    pub unsent: u64,
}

impl Failures {
    /// Counts one.
    pub fn count(&mut self, kind: FailureKind) {
        match kind {
            FailureKind::Connection => self.connection += 1,
            FailureKind::Status(status) => {
                self.status += 1;
                *self.statuses.entry(status).or_default() += 1;
            }
            FailureKind::Unavailable => self.unavailable += 1,
            FailureKind::Wrong => self.wrong += 1,
            FailureKind::Unsent => self.unsent += 1,
        }
    }

    /// All of them.
    pub const fn total(&self) -> u64 {
        self.connection + self.status + self.unavailable + self.wrong + self.unsent
    }

    /// These and those.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let mut both = self.clone();
        both.connection += other.connection;
        both.status += other.status;
        both.unavailable += other.unavailable;
        both.wrong += other.wrong;
        both.unsent += other.unsent;
        for (status, number) in &other.statuses {
            *both.statuses.entry(*status).or_default() += number;
        }
        both
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self { kind: FailureKind::Connection, text: error.to_string() }
    }
}

/// Compares an answer with what was expected.
pub fn judge(
    check: Check,
    expected: Expected,
    token: &[u8],
    response: &Response<'_>,
) -> Result<Answered, Failure> {
    match (check, response.status) {
        (Check::Status(wanted), status) if status == wanted => Ok(Answered::Approved),
        (Check::Success, 200 | 201) => Ok(Answered::Approved),
        (Check::Decision, 200 | 402) => decision(expected, token, response),
        (_, status) => Err(failure(FailureKind::Status(status), response)),
    }
}

fn decision(
    expected: Expected,
    token: &[u8],
    response: &Response<'_>,
) -> Result<Answered, Failure> {
    let says = |name: &str, value: &str| {
        contains(response.body, format!("\"{name}\":\"{value}\"").as_bytes())
    };
    let own = contains(response.body, token);
    match (response.status, expected) {
        (200, Expected::Approved) if own => Ok(Answered::Approved),
        (402, Expected::Declined(reason, memo))
            if own && says("decline_reason", reason.as_str()) && says("memo", memo) =>
        {
            Ok(Answered::Declined)
        }
        (402, _) if says("memo", "unavailable") => Err(failure(FailureKind::Unavailable, response)),
        _ => Err(failure(FailureKind::Wrong, response)),
    }
}

fn failure(kind: FailureKind, response: &Response<'_>) -> Failure {
    let body = response.body.get(..EXAMPLE_BYTES_MAX).unwrap_or(response.body);
    let text = format!("answered {} {}", response.status, String::from_utf8_lossy(body));
    Failure { kind, text }
}

fn contains(body: &[u8], part: &[u8]) -> bool {
    body.windows(part.len().max(1)).any(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::super::profile::Kind;
    use super::*;

    fn check(kind: Kind, status: u16, body: &str, expected: Result<Answered, FailureKind>) {
        let response = Response { status, body: body.as_bytes(), last: false };
        let judged = judge(Check::Decision, kind.expected(), b"t1", &response);
        assert_eq!(judged.map_err(|failure| failure.kind), expected, "{kind:?} {status} {body}");
    }

    #[test]
    fn an_answer_is_right_only_if_it_is_the_expected_decision_on_this_request() {
        let poor =
            r#"{"token":"t1","decline_reason":"INSUFFICIENT_FUNDS","memo":"funds.insufficient"}"#;
        check(Kind::Company, 200, r#"{"token":"t1"}"#, Ok(Answered::Approved));
        check(Kind::Company, 200, r#"{"token":"t2"}"#, Err(FailureKind::Wrong));
        check(Kind::Company, 402, poor, Err(FailureKind::Wrong));
        check(Kind::Poor, 402, poor, Ok(Answered::Declined));
        check(Kind::Poor, 200, r#"{"token":"t1"}"#, Err(FailureKind::Wrong));
        check(Kind::Limited, 402, poor, Err(FailureKind::Wrong));
    }

    #[test]
    fn what_was_not_decided_is_told_apart_from_what_was_decided_wrongly() {
        let outage =
            r#"{"token":"t1","decline_reason":"TRANSACTION_NOT_PERMITTED","memo":"unavailable"}"#;
        check(Kind::Company, 402, outage, Err(FailureKind::Unavailable));
        check(Kind::Poor, 402, outage, Err(FailureKind::Unavailable));
        check(Kind::Company, 503, "{}", Err(FailureKind::Status(503)));
        check(Kind::Company, 404, "", Err(FailureKind::Status(404)));
    }

    #[test]
    fn failures_add_up() {
        let mut failures = Failures::default();
        for kind in [
            FailureKind::Connection,
            FailureKind::Status(502),
            FailureKind::Status(502),
            FailureKind::Unavailable,
            FailureKind::Wrong,
            FailureKind::Unsent,
        ] {
            failures.count(kind);
        }
        let both = failures.and(&failures);
        assert_eq!((failures.total(), both.total()), (6, 12));
        assert_eq!(both.statuses, BTreeMap::from([(502, 4)]));
    }
}
