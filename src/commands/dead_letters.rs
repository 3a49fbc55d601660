//! `tollgate dead-letters`: looks through dead letters of a running service, and acts on them.

use std::net::SocketAddr;
use std::process::ExitCode;

use clap::Subcommand;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::client::{Answer, Ask, Client, ClientError};
use super::health::reachable;
use crate::config::{Settings, SettingsError};

const PATH: &str = "/api/v1/dead-letters";

/// Letters of one page, at most.
const PAGE: u32 = 200;

/// How long a call that sends letters again may take, in seconds, and how many it may send.
const CALL_S: u32 = 5;
const CALL_MAX: u32 = 1_000;

/// Which letters, and what to do.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
    /// Address of the service; by default the setting http.listen.
    #[arg(long, global = true)]
    address: Option<SocketAddr>,
    /// The key for REST routes; by default the setting admin.key.
    #[arg(long, global = true)]
    admin_key: Option<SecretString>,
}

/// What to do.
#[derive(Debug, Subcommand)]
enum Verb {
    /// One line for each letter, in the order in which they died.
    List {
        #[command(flatten)]
        which: Which,
        /// Only letters in this state.
        #[arg(long, default_value = "waiting", value_parser = ["waiting", "redriven", "discarded", "all"])]
        state: String,
        /// At most so many.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
        /// Only letters after those of an earlier list, as it has said at its end.
        #[arg(long, allow_hyphen_values = true)]
        after: Option<String>,
    },
    /// A letter with its headers, body and history, as JSON.
    Show {
        /// The letter's id.
        id: String,
    },
    /// Send letters to their queues again: the named ones, or all that wait and match.
    Redrive {
        /// Letters' ids.
        #[arg(
            required_unless_present = "all",
            conflicts_with_all = ["all", "queue", "with_reason", "older_than_s", "text"]
        )]
        ids: Vec<String>,
        /// All waiting letters that match the filter.
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        which: Which,
        /// So many a second at most.
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000))]
        rate: u32,
        /// Only say how many there are.
        #[arg(long, requires = "all")]
        dry_run: bool,
    },
    /// Decide that letters need not be worked; they stay for the record.
    Discard {
        /// Letters' ids.
        #[arg(required = true)]
        ids: Vec<String>,
        /// Why.
        #[arg(long)]
        reason: String,
    },
}

/// Which letters.
#[derive(Debug, clap::Args)]
struct Which {
    /// Only of this queue.
    #[arg(long)]
    queue: Option<String>,
    /// Only with this reason.
    #[arg(long = "with-reason")]
    with_reason: Option<String>,
    /// Only those kept so many seconds ago or earlier.
    #[arg(long)]
    older_than_s: Option<u32>,
    /// Only with this text in the message's id, the errors, or the beginning of the body.
    #[arg(long)]
    text: Option<String>,
}

/// Why nothing, or not everything, was done.
#[derive(Debug, thiserror::Error)]
pub enum DeadLettersError {
    /// The settings are wrong.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// There is no key.
    #[error("the admin key is needed: set admin.key (TOLLGATE__ADMIN__KEY), or give --admin-key")]
    Key,
    /// Nobody answers.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The service refuses.
    #[error("the service answered {status}: {detail}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// What it said.
        detail: String,
    },
}

/// The service, and who we are there.
struct Desk {
    client: Client,
    key: SecretString,
}

/// Does what was asked.
pub async fn run(args: Args) -> Result<ExitCode, DeadLettersError> {
    let settings = Settings::load()?;
    let address = args.address.unwrap_or_else(|| reachable(settings.http.listen));
    let key = args.admin_key.or(settings.admin.key).ok_or(DeadLettersError::Key)?;
    let mut desk = Desk { client: Client::new(address), key };
    match args.verb {
        Verb::List { which, state, limit, after } => {
            desk.list(&which, &state, limit, after).await?;
        }
        Verb::Show { id } => println!("{:#}", desk.ask(Ask::get(path(&id))).await?),
        Verb::Redrive { all: true, which, rate, dry_run, .. } => {
            return desk.redrive_all(&which, rate, dry_run).await;
        }
        Verb::Redrive { ids, .. } => desk.act(&ids, "redrive", &json!({})).await?,
        Verb::Discard { ids, reason } => {
            desk.act(&ids, "discard", &json!({ "reason": reason })).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

impl Desk {
    async fn list(
        &mut self,
        which: &Which,
        state: &str,
        limit: u32,
        after: Option<String>,
    ) -> Result<(), DeadLettersError> {
        let seconds = which.older_than_s.map(|seconds| seconds.to_string());
        let filter = [
            ("queue", which.queue.as_deref()),
            ("reason", which.with_reason.as_deref()),
            ("older_than_s", seconds.as_deref()),
            ("text", which.text.as_deref()),
            ("state", Some(state).filter(|state| *state != "all")),
        ];
        let given = filter.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let query: String =
            given.map(|(name, value)| format!("&{name}={}", percent_encoded(value))).collect();
        let (mut left, mut next) = (limit, after);
        while left > 0 {
            let cursor = next.as_deref().map(percent_encoded);
            let cursor = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
            let count = left.min(PAGE);
            let page = self.ask(Ask::get(format!("{PATH}?limit={count}{query}{cursor}"))).await?;
            page["items"].as_array().into_iter().flatten().for_each(print);
            left -= count;
            next = page["next"].as_str().map(str::to_owned);
            if next.is_none() {
                return Ok(());
            }
        }
        if let Some(next) = next {
            println!("there may be more: list them with --after {next}");
        }
        Ok(())
    }

    /// Sends all that wait and match again, in calls that are short whatever the rate. Those that die
    /// once more meanwhile are left for the next time.
    async fn redrive_all(
        &mut self,
        which: &Which,
        rate: u32,
        dry_run: bool,
    ) -> Result<ExitCode, DeadLettersError> {
        let most = u64::from(rate.saturating_mul(CALL_S).clamp(1, CALL_MAX));
        let (mut matched, mut redriven) = (None, 0);
        loop {
            let left = matched.map_or(most, |matched: u64| matched.saturating_sub(redriven));
            let body = json!({
                "queue": which.queue, "reason": which.with_reason, "text": which.text,
                "older_than_s": which.older_than_s, "rate_per_s": rate, "dry_run": dry_run,
                "max": left.min(most),
            });
            let done = self.ask(Ask::post(format!("{PATH}/redrive"), body.to_string())).await?;
            let number = |name: &str| done[name].as_u64().unwrap_or(0);
            let matched = *matched.get_or_insert(number("matched"));
            let (sent, failed) = (number("redriven"), number("failed"));
            redriven += sent;
            // What has failed waits still, and is among the first of every call.
            if sent == 0 || redriven + failed >= matched {
                println!("matched {matched}, sent again {redriven}, failed {failed}");
                return Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE });
            }
        }
    }

    async fn act(
        &mut self,
        ids: &[String],
        verb: &str,
        body: &Value,
    ) -> Result<(), DeadLettersError> {
        for id in ids {
            let ask = Ask::post(format!("{}/{verb}", path(id)), body.to_string());
            let letter = self.ask(ask).await?;
            println!("{id} {}", letter["state"].as_str().unwrap_or_default());
        }
        Ok(())
    }

    async fn ask(&mut self, ask: Ask) -> Result<Value, DeadLettersError> {
        let answer = self.client.send(&ask.bearer(self.key.expose_secret())).await?;
        let Answer { status, .. } = answer;
        let json = answer.json();
        if status == 200 {
            return Ok(json);
        }
        let detail = json["detail"].as_str().unwrap_or("without a reason").to_owned();
        Err(DeadLettersError::Refused { status, detail })
    }
}

/// Where a letter is.
fn path(id: &str) -> String {
    format!("{PATH}/{}", percent_encoded(id))
}

/// One line for a letter.
fn print(letter: &Value) {
    let text = |name: &str| letter[name].as_str().unwrap_or_default().to_owned();
    println!(
        "{}  {}  {:9}  {}  {} after {} attempts: {}",
        text("id"),
        text("died_at"),
        text("state"),
        text("queue"),
        text("reason"),
        letter["attempts"],
        text("last_error"),
    );
}

/// Everything but unreserved characters (RFC 3986) is escaped.
fn percent_encoded(text: &str) -> String {
    use std::fmt::Write as _;

    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}"); // writing to a text can not fail
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_escaped() {
        assert_eq!(percent_encoded("a b&c=ü"), "a%20b%26c%3D%C3%BC");
        assert_eq!(percent_encoded("webhook-queue_1.~"), "webhook-queue_1.~");
    }
}
