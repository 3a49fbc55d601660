//! Requests to decide that come through the queue: the same pipeline, the same answers as at the HTTP
//! doors.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::cleanse::Scanned;
use super::reply::{Answer, Replies};
use super::waits::Waits;
use super::{Handled, Handler, Handling};
use crate::broker::Message;
use crate::domain::clock::Clock;
use crate::domain::decision::{Decision, Echo};
use crate::domain::request::{AuthRequest, FaultyRequest};
use crate::domain::token::Token;
use crate::pipeline::{AuthorizeError, Pipeline};
use crate::service::Service;
use crate::service::dead_letters::ID_CONFLICT;
use crate::service::error::Error;
use crate::wire::marqeta::request::{Informative, JitMessage, decode};
use crate::wire::marqeta::response;
use crate::wire::scan::scan;
use crate::wire::v1::authorization::Authorization;
use crate::wire::v1::purchase::{CreateAuthorization, MEDIA_TYPE as OWN_SHAPE};

/// The largest body, in bytes.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// Between two tries while no decision can be made.
const AGAIN: Duration = Duration::from_millis(50);

/// How long after its own deadline a request may still wait for its answer to be published.
const REPLY_MAX: Duration = Duration::from_secs(30);

/// Decides requests.
pub struct JitHandler {
    /// Decides.
    pub pipeline: Arc<Pipeline>,
    /// Reads decisions back, for our own shape.
    pub service: Arc<Service>,
    /// Where answers go.
    pub replies: Replies,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// An older request is answered as late.
    pub deadline: Duration,
    /// Where requests wait while nothing can be decided. One that finds no place is answered as late at once.
    pub waits: Waits,
}

/// What is asked, and in which shape it is answered.
enum Asked {
    /// The card platform's.
    Judge(AuthRequest),
    Faulty(FaultyRequest),
    Told(Informative),
    /// Our own.
    Own(AuthRequest),
}

/// What came of it.
enum Decided {
    Answer(Answer),
    /// The token was used before, for something else.
    Conflict(Answer),
    /// Not now.
    Not,
}

impl Handler for JitHandler {
    fn handle<'a>(&'a self, message: &'a Message, body: Scanned) -> Handling<'a> {
        Box::pin(self.work(message, body))
    }

    fn deadline(&self) -> Duration {
        self.deadline + REPLY_MAX
    }
}

impl JitHandler {
    async fn work(&self, message: &Message, body: Scanned) -> Handled {
        let asked = match read(message, body) {
            Ok(asked) => asked,
            Err((reason, error)) => {
                return Handled::Never { reason, error: error.to_owned() };
            }
        };
        let (answer, handled) = match self.decide_in_time(&asked, message).await {
            Decided::Answer(answer) => (answer, Handled::Done),
            Decided::Conflict(answer) => {
                let error = "the token was used before for another request".to_owned();
                (answer, Handled::Never { reason: ID_CONFLICT, error })
            }
            Decided::Not => (late(&asked), Handled::Done),
        };
        match self.replies.send(message, &answer).await {
            Ok(()) => handled,
            // A repeat is answered with the same bytes.
            Err(_) => Handled::Unavailable,
        }
    }

    /// Decides; where nothing can be decided for now, again until the request is too old. One that is
    /// too old is not judged, but what was decided on it before is what it is answered with. Where many wait
    /// already, it does not: they would leave no place at work to those whose store answers.
    async fn decide_in_time(&self, asked: &Asked, message: &Message) -> Decided {
        let since_ms = waiting_since(message.published_ms, self.now_ms());
        let mut wait = None;
        loop {
            if self.is_late(since_ms) {
                return self.recall(asked).await;
            }
            match self.decide(asked).await {
                Decided::Not => {}
                decided => return decided,
            }
            wait = wait.or_else(|| self.waits.begin());
            if wait.is_none() {
                return Decided::Not;
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    fn is_late(&self, since_ms: i64) -> bool {
        let age_ms = self.now_ms().saturating_sub(since_ms);
        u128::try_from(age_ms).is_ok_and(|age_ms| age_ms > self.deadline.as_millis())
    }

    fn now_ms(&self) -> i64 {
        self.clock.now().as_micros().div_euclid(1_000)
    }

    async fn decide(&self, asked: &Asked) -> Decided {
        let received = self.clock.monotonic();
        match asked {
            Asked::Judge(request) => {
                let decided = self.pipeline.authorize(request.clone(), received).await;
                platform(decided, &request.token, &request.echo())
            }
            Asked::Faulty(request) => {
                let decided = self.pipeline.decline(request.clone(), received).await;
                platform(decided, &request.token, &request.echo)
            }
            Asked::Told(told) => {
                Decided::Answer(of_platform(response::informative(&told.token, &told.echo)))
            }
            Asked::Own(request) => own(self.service.authorize(request.clone(), received).await),
        }
    }

    async fn recall(&self, asked: &Asked) -> Decided {
        let received = self.clock.monotonic();
        match asked {
            Asked::Judge(request) => match self.pipeline.recall(request, received).await {
                Ok(Some(decision)) => platform(Ok(decision), &request.token, &request.echo()),
                Ok(None) => Decided::Not,
                Err(error) => platform(Err(error), &request.token, &request.echo()),
            },
            Asked::Own(request) => match self.service.recall(request, received).await {
                Ok(Some(record)) => own(Ok(record)),
                Ok(None) => Decided::Not,
                Err(error) => own(Err(error)),
            },
            // The answer is the same whenever it is given.
            Asked::Faulty(_) | Asked::Told(_) => self.decide(asked).await,
        }
    }
}

/// From when on a request has waited: from its publication, as far as that can be believed. One without
/// a time, or whose publisher's clock is ahead, has waited since it was seen: it would never be late.
fn waiting_since(published_ms: Option<i64>, seen_ms: i64) -> i64 {
    published_ms.map_or(seen_ms, |published_ms| published_ms.min(seen_ms))
}

fn platform(decided: Result<Arc<Decision>, AuthorizeError>, token: &Token, echo: &Echo) -> Decided {
    match decided {
        Ok(decision) => Decided::Answer(of_platform(response::encode(&decision))),
        Err(AuthorizeError::TokenReused) => {
            Decided::Conflict(of_platform(response::duplicate(token, echo)))
        }
        Err(AuthorizeError::Unavailable(_)) => Decided::Not,
    }
}

fn of_platform(answer: response::Answer) -> Answer {
    Answer { status: answer.status, body: answer.body }
}

fn own(decided: Result<crate::domain::authorization::Authorization, Error>) -> Decided {
    match decided {
        Ok(record) => {
            let body = serde_json::to_vec(&Authorization::from(record));
            Decided::Answer(Answer { status: 201, body: body.unwrap_or_default() })
        }
        Err(Error::TokenReused) => Decided::Conflict(problem(409, "token_reused")),
        Err(_) => Decided::Not,
    }
}

/// The answer to a request that was not decided in time. It is no decision: a repeat may be decided.
fn late(asked: &Asked) -> Answer {
    match asked {
        Asked::Judge(request) => {
            of_platform(response::unavailable(&request.token, &request.echo()))
        }
        Asked::Faulty(request) => of_platform(response::unavailable(&request.token, &request.echo)),
        Asked::Told(told) => of_platform(response::informative(&told.token, &told.echo)),
        Asked::Own(_) => problem(503, response::UNAVAILABLE),
    }
}

fn problem(status: u16, code: &'static str) -> Answer {
    Answer { status, body: json!({"status": status, "code": code}).to_string().into_bytes() }
}

/// What makes a message no request, by itself: a code and a sentence.
pub fn fault_of(message: &Message) -> Option<(&'static str, &'static str)> {
    read(message, scan(&message.body).map(drop)).err()
}

/// Reads a request; what can not be read is told by a code and a sentence.
fn read(message: &Message, body: Scanned) -> Result<Asked, (&'static str, &'static str)> {
    if message.body.len() > BODY_BYTES_MAX {
        return Err(("body_too_large", "a body has at most 64 KiB"));
    }
    let shape = message.content_type.split(';').next().unwrap_or_default().trim();
    let is_own = shape.eq_ignore_ascii_case(OWN_SHAPE);
    if !is_own && !shape.eq_ignore_ascii_case("application/json") {
        return Err(("unsupported_media_type", "a request is application/json"));
    }
    body.map_err(|error| (error.code(), error.detail()))?;
    if is_own {
        let body: CreateAuthorization = serde_json::from_slice(&message.body)
            .map_err(|_| ("invalid_request", "the body is not a request of our own shape"))?;
        let request = body.parse().map_err(|fault| (fault.code, "a field is not valid"))?;
        return Ok(Asked::Own(request));
    }
    match decode(&message.body) {
        Ok(JitMessage::Judge(request)) => Ok(Asked::Judge(request)),
        Ok(JitMessage::Faulty(request)) => Ok(Asked::Faulty(request)),
        Ok(JitMessage::Informative(told)) => Ok(Asked::Told(told)),
        Err(unreadable) => Err((unreadable.code, unreadable.detail)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_in_the_future_is_no_time() {
        assert_eq!(waiting_since(Some(1_000), 5_000), 1_000);
        assert_eq!(waiting_since(Some(3_605_000), 5_000), 5_000, "an hour ahead");
        assert_eq!(waiting_since(None, 5_000), 5_000);
    }
}
