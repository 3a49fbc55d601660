//! `tollgate simulate`: plays the card platform against any Tollgate. It serves the platform's own API,
//! asks the gateway for decisions within three seconds, notifies of everything that happens, and
//! compares the books of both sides at the end.

mod books;
mod caller;
mod door;
mod flows;
mod gateway;
mod listing;
mod message;
mod notices;
mod operator;
mod platform;
mod purchase;
mod report;
mod seed;
mod target;
mod transition;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::Failure;
use crate::app::clock::SystemClock;
use crate::config::Settings;
use crate::config::log::{Log, LogFormat};
use crate::domain::clock::Clock;
use crate::domain::money::Currency;
use crate::telemetry::logging;

use caller::Caller;
use door::Desk;
use flows::{Client, Played};
use gateway::Gateway;
use notices::{Notices, Travel};
use operator::Operator;
use platform::Platform;
use seed::Seed;
use target::{Algorithm, Target};

/// The routes of Tollgate's doors for the platform.
const JIT_ROUTE: &str = "/api/v1/marqeta/jit";
const WEBHOOK_ROUTE: &str = "/api/v1/marqeta/webhooks";

/// Whom to play the platform for, and how.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Address of the Tollgate.
    #[arg(long, default_value = "127.0.0.1:3000")]
    tollgate: SocketAddr,
    /// Its admin key, to make cards known to it and to read its books [default: the setting admin.key].
    #[arg(long)]
    key: Option<String>,
    /// Basic user name of its JIT door [default: the setting jit.username].
    #[arg(long)]
    username: Option<String>,
    /// Basic password of its JIT door [default: the setting jit.password].
    #[arg(long)]
    password: Option<String>,
    /// Basic user name of its webhook door, if it is another one.
    #[arg(long)]
    webhook_username: Option<String>,
    /// Basic password of its webhook door, if it is another one.
    #[arg(long)]
    webhook_password: Option<String>,
    /// Secret that notifications are signed with; without one they are not.
    #[arg(long)]
    secret: Option<String>,
    /// How they are signed.
    #[arg(long, value_enum, default_value_t)]
    algorithm: Algorithm,
    /// Address and port of the platform's own API; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Application token and access token, as TOKEN:TOKEN, that callers of it must send.
    #[arg(long)]
    access: Option<String>,
    /// Serve on until Ctrl-C after the flows; the books are compared then.
    #[arg(long)]
    serve: bool,
    /// Cards, each with an account of its own.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    cards: u32,
    /// How many of a hundred cards are of persons with wallets; the others are of companies.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=100))]
    personal: u8,
    /// How often each flow is played.
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// Flows that are played at once.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    at_once: u32,
    /// What amounts, delays, duplicates and order follow from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Notifications of one type that one delivery carries at most.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=10))]
    batch: u8,
    /// In how many of a hundred cases a delivery is sent again.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=100))]
    duplicates: u8,
    /// How late a delivery may be, in milliseconds.
    #[arg(long, default_value_t = 0)]
    delay_ms: u64,
    /// Among how many notifications the order is lost; 1: it is kept.
    #[arg(long, default_value_t = 1)]
    shuffle: u32,
    /// How often a delivery is tried that is not acknowledged.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=20))]
    attempts: u32,
    /// The currency of all cards.
    #[arg(long, default_value = "USD")]
    currency: String,
    /// How long the books may take to become equal, in seconds.
    #[arg(long, default_value_t = 30)]
    patience_s: u64,
}

/// What each company may spend, and each person has, in minor units: more than all flows do, less than what is declined.
const MONEY: i64 = 100_000_000_000;

/// Runs to its end; only what is wrong is logged.
pub(super) fn start(args: Args) -> Result<ExitCode, Failure> {
    logging::start(&Log { format: LogFormat::Auto, filter: "warn".to_owned() })?;
    tokio::runtime::Runtime::new()?.block_on(run(args))
}

/// Plays, compares and prints. Fails if a flow did not go as it must, a notification was not
/// acknowledged, or the books differ.
async fn run(args: Args) -> Result<ExitCode, Failure> {
    let currency = Currency::parse(&args.currency).ok_or("not an ISO 4217 currency")?;
    let seed = Arc::new(Seed::new(args.seed));
    let desk = desk(&args, currency, &seed)?;
    tokio::spawn(Arc::clone(&desk.platform.notices).deliver_for_ever());
    let listener = TcpListener::bind(args.listen).await?;
    let addr = listener.local_addr()?;
    let router = door::router(Arc::clone(&desk));
    // Its callers are its user's own: slow ones harm nobody.
    tokio::spawn(async move { axum::serve(listener, router).await });
    println!("the platform's API is on http://{addr}/v3/");

    let access = args.access.as_ref().map(|pair| format!("Basic {}", STANDARD.encode(pair)));
    let client = Arc::new(Client { caller: Caller::new(addr), access, currency });
    let cards = cards(&client, args.cards, args.personal).await?;
    let played = play(&args, &client, &cards, &seed).await;
    if args.serve {
        println!("serving until Ctrl-C; the books are compared then");
        tokio::signal::ctrl_c().await?;
    }
    for card in &cards {
        client.turn(card).await?;
    }
    desk.platform.notices.delivered().await;
    let operator = desk.operator.as_ref().ok_or("there is nobody to read the books")?;
    let patience = Duration::from_secs(args.patience_s);
    let compared = books::compare(&desk.platform, operator, patience).await?;
    let sound = report::print(&played, desk.platform.notices.tally(), &compared);
    Ok(if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn desk(args: &Args, currency: Currency, seed: &Arc<Seed>) -> Result<Arc<Desk>, Failure> {
    let credentials = Credentials::of(args)?;
    let own =
        |value: &Option<String>, other: &str| value.clone().unwrap_or_else(|| other.to_owned());
    let gateway = Target {
        addr: args.tollgate,
        path: JIT_ROUTE.to_owned(),
        username: credentials.username.clone(),
        password: credentials.password.clone(),
        secret: None,
    };
    let webhooks = Target {
        path: WEBHOOK_ROUTE.to_owned(),
        username: own(&args.webhook_username, &credentials.username),
        password: own(&args.webhook_password, &credentials.password),
        secret: args.secret.clone().map(|secret| (args.algorithm, secret)),
        ..gateway.clone()
    };
    let travel = Travel {
        batch: usize::from(args.batch),
        duplicates: u64::from(args.duplicates),
        delay: Duration::from_millis(args.delay_ms),
        shuffle: usize::try_from(args.shuffle).unwrap_or(1),
        attempts: args.attempts,
    };
    let notices = Notices::new(webhooks, travel, Arc::clone(seed));
    let access = match &args.access {
        None => None,
        Some(pair) => {
            let (application, access) = pair.split_once(':').ok_or("--access is TOKEN:TOKEN")?;
            Some((application.to_owned(), access.to_owned()))
        }
    };
    Ok(Arc::new(Desk {
        platform: Platform::new(Gateway::new(gateway), notices, currency),
        operator: Some(Operator::new(args.tollgate, credentials.key, currency, MONEY)),
        access,
        documents: Mutex::default(),
    }))
}

/// What the platform was given by the program.
struct Credentials {
    key: String,
    username: String,
    password: String,
}

impl Credentials {
    /// Those of the command line; the others are those of this machine's settings.
    fn of(args: &Args) -> Result<Self, Failure> {
        if let (Some(key), Some(username), Some(password)) =
            (&args.key, &args.username, &args.password)
        {
            let (key, username) = (key.clone(), username.clone());
            return Ok(Self { key, username, password: password.clone() });
        }
        let settings = Settings::load()?;
        let secret = |secret: &Option<SecretString>| {
            secret.as_ref().map(|secret| secret.expose_secret().to_owned())
        };
        let key = args.key.clone().or_else(|| secret(&settings.admin.key));
        let username = args.username.clone().or_else(|| settings.jit.username.clone());
        let password = args.password.clone().or_else(|| secret(&settings.jit.password));
        Ok(Self {
            key: key.ok_or("--key is needed: the setting admin.key is not set")?,
            username: username.ok_or("--username is needed: jit.username is not set")?,
            password: password.ok_or("--password is needed: jit.password is not set")?,
        })
    }
}

/// Users and cards, made through the platform's own API; so many of a hundred are of persons.
async fn cards(client: &Client, count: u32, personal: u8) -> Result<Vec<String>, Failure> {
    // Tokens of this run differ from those of every other.
    let run = SystemClock::new().uuid().simple().to_string();
    let run = run.get(20..).unwrap_or_default().to_owned();
    let product = serde_json::json!({"name": "simulated"});
    client.create("/v3/cardproducts", product).await?;
    let mut cards = Vec::new();
    let persons = (count * u32::from(personal)).div_ceil(100);
    for number in 0..count {
        let mut user = serde_json::json!({"token": format!("sim-u{number}-{run}")});
        if number < persons {
            user["metadata"] = door::personal();
        }
        let user = client.create("/v3/users", user).await?;
        let card = serde_json::json!({"token": format!("sim-c{number}-{run}"), "user_token": user});
        cards.push(client.create("/v3/cards", card).await?);
    }
    Ok(cards)
}

async fn play(
    args: &Args,
    client: &Arc<Client>,
    cards: &[String],
    seed: &Arc<Seed>,
) -> Vec<Played> {
    let rounds = usize::try_from(args.rounds).unwrap_or(0);
    let mut due: Vec<usize> = (0..flows::COUNT).cycle().take(flows::COUNT * rounds).collect();
    seed.shuffle(&mut due);
    let most = usize::try_from(args.at_once).unwrap_or(1);
    let (mut playing, mut played) = (JoinSet::new(), Vec::new());
    for flow in due {
        while playing.len() >= most {
            played.extend(playing.join_next().await.and_then(Result::ok));
        }
        let which = usize::try_from(seed.below(cards.len() as u64)).unwrap_or(0);
        let (client, card, seed) = (Arc::clone(client), cards[which].clone(), Arc::clone(seed));
        playing.spawn(async move { client.play(flow, &card, &seed).await });
    }
    while let Some(ended) = playing.join_next().await {
        played.extend(ended.ok());
    }
    played
}
