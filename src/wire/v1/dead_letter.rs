//! Dead letters: listed, shown, sent again, discarded.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::field::{Field, Invalid, Read};
use super::query::{self, Pairs, Query, parameter};
use super::{read, terms, text};
use crate::domain::dead_letter::{Act, DeadLetter, LetterState};
use crate::domain::id::DeadLetterId;
use crate::domain::money::AMOUNT_MAX_MINOR;

/// What cursors of this list are marked with.
pub const NAME: &str = "dead-letters";

/// Letters that one call sends again where the caller does not say, and at most; and so many a second.
const REDRIVES: u32 = 1_000;
const RATE_PER_S: u32 = 100;
const RATE_PER_S_MAX: u32 = 1_000;

/// The longest text of a filter, in characters.
const TEXT_MAX: usize = 256;

/// Which letters to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LetterList {
    /// Of this queue.
    pub queue: Option<String>,
    /// With this reason.
    pub reason: Option<String>,
    /// In this state.
    pub state: Option<LetterState>,
    /// Kept so many seconds ago or earlier.
    pub older_than_s: Option<i64>,
    /// With this text in the id, the errors or the body.
    pub text: Option<String>,
    /// After this one.
    pub cursor: Option<DeadLetterId>,
    /// Letters of the page.
    pub limit: u32,
}

impl LetterList {
    /// Reads the parameters of a query; each may be given once.
    pub fn parse(pairs: &Pairs) -> Read<Self> {
        const STATES: &str = "state is waiting, redriven or discarded";
        let mut query = Query::of(pairs)?;
        let page = query.page(NAME)?;
        let list = Self {
            queue: query.take("queue", short)?,
            reason: query.take("reason", short)?,
            state: query.take("state", query::word(STATES, LetterState::parse))?,
            older_than_s: query.take("older_than_s", seconds)?,
            text: query.take("text", short)?,
            cursor: page.cursor,
            limit: page.limit,
        };
        query.end()?;
        Ok(list)
    }
}

fn seconds(value: &str) -> Read<i64> {
    let known = 0..=AMOUNT_MAX_MINOR; // as in bodies: far beyond anything kept
    let seconds = value.parse().ok().filter(|seconds| known.contains(seconds));
    seconds.ok_or_else(|| parameter("older_than_s is a whole number of seconds"))
}

fn short(value: &str) -> Read<String> {
    let fits = (1..=TEXT_MAX).contains(&value.chars().count()) && !value.contains('\0');
    let value = fits.then(|| value.to_owned());
    value.ok_or_else(|| parameter("a text of a filter has 1 to 256 characters"))
}

/// The body that sends one letter again.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RedriveLetter {
    /// Why, for the record.
    #[schema(value_type = Option<terms::Line>)]
    reason: Field,
}

impl RedriveLetter {
    /// Why, if the caller says.
    pub fn parse(&self) -> Read<Option<String>> {
        Ok(self.reason.optional("reason", text::line)?.map(|reason| reason.to_string()))
    }
}

/// The body that discards one letter.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DiscardLetter {
    /// Why, for the record.
    #[schema(value_type = terms::Line, required)]
    reason: Field,
}

impl DiscardLetter {
    /// Why.
    pub fn parse(&self) -> Read<String> {
        self.reason.required("reason", text::line).map(|reason| reason.to_string())
    }
}

/// The body that sends many letters again.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RedriveLetters {
    /// Of this queue.
    #[schema(value_type = Option<terms::Line>)]
    queue: Field,
    /// With this reason.
    #[schema(value_type = Option<terms::Line>)]
    reason: Field,
    /// Kept so many seconds ago or earlier.
    #[schema(value_type = Option<terms::Count>)]
    older_than_s: Field,
    /// With this text in the id, the errors or the body.
    #[schema(value_type = Option<terms::Line>)]
    text: Field,
    /// So many a second at most; 100 where it is absent.
    #[schema(value_type = Option<terms::Rate>)]
    rate_per_s: Field,
    /// So many at most; 1000 where it is absent.
    #[schema(value_type = Option<terms::Many>)]
    max: Field,
    /// Only counts them.
    #[schema(value_type = Option<bool>)]
    dry_run: Field,
}

/// Which letters to send again, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedriveMany {
    /// Of this queue.
    pub queue: Option<String>,
    /// With this reason.
    pub reason: Option<String>,
    /// Kept so many seconds ago or earlier.
    pub older_than_s: Option<i64>,
    /// With this text in the id, the errors or the body.
    pub text: Option<String>,
    /// So many a second at most.
    pub rate_per_s: u32,
    /// So many at most.
    pub max: u32,
    /// Only counts them.
    pub dry_run: bool,
}

impl RedriveLetters {
    /// Reads the fields.
    pub fn parse(&self) -> Read<RedriveMany> {
        let line = |field: &Field, name: &str| {
            Ok(field.optional(name, text::line)?.map(|text| text.to_string()))
        };
        Ok(RedriveMany {
            queue: line(&self.queue, "queue")?,
            reason: line(&self.reason, "reason")?,
            older_than_s: self.older_than_s.optional("older_than_s", read::count)?,
            text: line(&self.text, "text")?,
            rate_per_s: bounded(&self.rate_per_s, "rate_per_s", RATE_PER_S, RATE_PER_S_MAX)?,
            max: bounded(&self.max, "max", REDRIVES, REDRIVES)?,
            dry_run: self.dry_run.optional("dry_run", read::flag)?.unwrap_or(false),
        })
    }
}

fn bounded(field: &Field, name: &str, default: u32, most: u32) -> Read<u32> {
    let given = field.optional(name, read::count)?;
    let Some(given) = given else { return Ok(default) };
    let fits = u32::try_from(given).ok().filter(|given| (1..=most).contains(given));
    let detail = format!("a whole number from 1 to {most}");
    fits.ok_or_else(|| Invalid::new("invalid_count", detail).under(name))
}

/// A letter as it is answered.
#[derive(Serialize, ToSchema)]
pub struct Letter {
    #[schema(value_type = terms::DeadLetterId)]
    id: DeadLetterId,
    #[schema(value_type = terms::LetterState)]
    state: LetterState,
    /// The queue it could not be worked from.
    queue: String,
    reason: String,
    first_error: String,
    last_error: String,
    attempts: u32,
    redrives: u32,
    message_id: String,
    content_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_to: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    correlation_id: Option<String>,
    #[schema(value_type = Option<terms::Timestamp>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    published_at: Option<String>,
    #[schema(value_type = terms::Timestamp)]
    died_at: String,
    body_bytes: usize,
}

impl From<DeadLetter> for Letter {
    fn from(letter: DeadLetter) -> Self {
        let DeadLetter { id, state, died_at, envelope } = letter;
        Self {
            id,
            state,
            queue: envelope.queue,
            reason: envelope.reason,
            first_error: envelope.first_error,
            last_error: envelope.last_error,
            attempts: envelope.attempts,
            redrives: envelope.redrives,
            message_id: envelope.message_id,
            content_type: envelope.content_type,
            reply_to: envelope.reply_to,
            correlation_id: envelope.correlation_id,
            published_at: envelope.published_at.map(|at| at.to_string()),
            died_at: died_at.to_string(),
            body_bytes: envelope.body_bytes,
        }
    }
}

/// A letter with its headers, its body and everything that was done about it.
#[derive(Serialize, ToSchema)]
pub struct FullLetter {
    #[serde(flatten)]
    letter: Letter,
    headers: BTreeMap<String, String>,
    /// The body, where it is text.
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    /// The body in base64, where it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    body_base64: Option<String>,
    history: Vec<Done>,
}

#[derive(Serialize, ToSchema)]
struct Done {
    /// What it made of the letter; `waiting`: it was about to be sent again.
    #[schema(value_type = terms::LetterState)]
    state: LetterState,
    /// Who.
    actor: String,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[schema(value_type = terms::Timestamp)]
    at: String,
}

impl FullLetter {
    /// Puts it together.
    pub fn of(letter: DeadLetter, body: Vec<u8>, acts: Vec<Act>) -> Self {
        let headers = letter.envelope.headers.clone();
        let (body, body_base64) = match String::from_utf8(body) {
            Ok(text) => (Some(text), None),
            Err(other) => (None, Some(STANDARD.encode(other.as_bytes()))),
        };
        let done = |act: Act| Done {
            state: act.state,
            actor: act.actor,
            reason: act.reason,
            at: act.at.to_string(),
        };
        let history = acts.into_iter().map(done).collect();
        Self { letter: letter.into(), headers, body, body_base64, history }
    }
}

/// A page of letters.
#[derive(Serialize, ToSchema)]
pub struct LetterPage {
    /// The letters.
    pub items: Vec<Letter>,
    /// What to ask for next; absent on the last page.
    #[schema(value_type = Option<terms::Cursor>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// What sending many letters again has come to.
#[derive(Serialize, ToSchema)]
pub struct RedriveReport {
    /// Letters that the filter matched, before anything was done.
    pub matched: u64,
    /// Letters that are in their queues again.
    pub redriven: u64,
    /// Letters that could not be sent; they are as they were.
    pub failed: u64,
    /// Whether they were only counted.
    pub dry_run: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(query: &[(&str, &str)]) -> Read<LetterList> {
        LetterList::parse(&query::tests::pairs(query))
    }

    #[test]
    fn a_query_is_read_and_nonsense_refused() {
        let asked = list(&[("queue", "webhook-queue"), ("state", "waiting"), ("limit", "7")]);
        let asked = asked.unwrap();
        assert_eq!((asked.queue.as_deref(), asked.limit), (Some("webhook-queue"), 7));
        assert_eq!(asked.state, Some(LetterState::Waiting));
        for query in [
            &[("limit", "0")][..],
            &[("limit", "201")],
            &[("limit", "1"), ("limit", "1")],
            &[("state", "gone")],
            &[("older_than_s", "-1")],
            &[("older_than_s", "1e3")],
            &[("cursor", "crd_1")],
            &[("text", "")],
            &[("text", "a\0b")],
        ] {
            assert_eq!(list(query).unwrap_err().code, "invalid_parameter", "{query:?}");
        }
    }

    #[test]
    fn a_bulk_redrive_is_bounded() {
        let parse = |json: &str| serde_json::from_str::<RedriveLetters>(json).unwrap().parse();
        let asked = parse("{}").unwrap();
        assert_eq!((asked.max, asked.rate_per_s, asked.dry_run), (1_000, 100, false));
        let asked = parse(r#"{"max":5,"rate_per_s":1000,"dry_run":true,"older_than_s":60}"#);
        assert_eq!(asked.unwrap().older_than_s, Some(60));
        for (json, pointer) in [
            (r#"{"max":0}"#, "/max"),
            (r#"{"max":1001}"#, "/max"),
            (r#"{"rate_per_s":0}"#, "/rate_per_s"),
            (r#"{"rate_per_s":1.5}"#, "/rate_per_s"),
            (r#"{"dry_run":1}"#, "/dry_run"),
        ] {
            assert_eq!(parse(json).unwrap_err().pointer, pointer, "{json}");
        }
    }
}
