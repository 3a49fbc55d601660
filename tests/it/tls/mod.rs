//! TLS to each server, with a certificate authority of the test's own: a server whose certificate is right
//! is used, and one whose certificate has expired, is for another name or from somebody else, or that
//! speaks no TLS, is not; a line of the log names it, and why.

mod authority;
mod proxy;

use std::path::Path;
use std::time::Duration;

use crate::broker::world;
use crate::store::mongodb::Corner;
use crate::store::postgres_database::Database;
use crate::support::instance::Instance;
use crate::support::servers;
use authority::{Authority, Validity};
use proxy::Proxy;

/// How long a service may take to join a server, or to say why it does not.
const PATIENCE: Duration = Duration::from_secs(40);

/// Where servers are, as certificates name it.
const HERE: &str = "127.0.0.1";

/// A server as the settings name it.
struct Link {
    /// In the answer of `/health`.
    name: &'static str,
    /// In the line of the log.
    called: &'static str,
    /// The variable with its URL, and the one with the file of who may vouch for it.
    url: &'static str,
    authority: &'static str,
    /// Of URLs with TLS.
    scheme: &'static str,
    query: &'static str,
    /// Whether clients ask first whether the server speaks TLS.
    is_asked: bool,
    /// Further settings.
    settings: Vec<(&'static str, String)>,
}

/// What the server shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    Right,
    Expired,
    OfAnotherName,
    FromSomebodyElse,
    /// It speaks no TLS.
    Nothing,
}

impl Shown {
    /// Words of the line in the log that says why. How a server without TLS answers to it is its own affair.
    const fn why(self) -> &'static str {
        match self {
            Self::Right | Self::Nothing => "",
            Self::Expired => "certificate expired",
            Self::OfAnotherName => "certificate not valid for name",
            Self::FromSomebodyElse => "UnknownIssuer",
        }
    }
}

/// Starts the service on a server that shows this, and sees to it that it is used, or why it is not.
async fn check(link: &Link, real_url: &str, shown: Shown) {
    let (ours, others) = (Authority::new("ours"), Authority::new("somebody else's"));
    let tls = match shown {
        Shown::Right => Some(ours.vouch(HERE, Validity::Long)),
        Shown::Expired => Some(ours.vouch(HERE, Validity::Over)),
        Shown::OfAnotherName => Some(ours.vouch("elsewhere.test", Validity::Long)),
        Shown::FromSomebodyElse => Some(others.vouch(HERE, Validity::Long)),
        Shown::Nothing => None,
    };
    let (login, server, path) = parts(real_url);
    let proxy = Proxy::before(server, link.is_asked, tls).await;
    let folder = tempfile::tempdir().unwrap();
    let (authority, log) = (folder.path().join("authority.pem"), folder.path().join("log"));
    std::fs::write(&authority, ours.pem()).unwrap();
    let Link { scheme, query, .. } = link;
    let url = format!("{scheme}://{login}{HERE}:{}/{path}{query}", proxy.port);
    let mut environment = vec![
        (link.url.to_owned(), url),
        (link.authority.to_owned(), authority.display().to_string()),
    ];
    environment
        .extend(link.settings.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    let instance = Instance::spawn_logged(&folder.path().join("data"), &environment, &log);
    if shown == Shown::Right {
        let joined = async {
            while !(proxy.secured() > 0 && is_healthy(&instance, link.name).await) {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let joined = tokio::time::timeout(PATIENCE, joined).await;
        assert!(joined.is_ok(), "{} was not joined: {}", link.name, read(&log));
        return;
    }
    let said = async {
        while !read(&log)
            .lines()
            .any(|line| line.contains(link.called) && line.contains(shown.why()))
        {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let said = tokio::time::timeout(PATIENCE, said).await;
    assert!(said.is_ok(), "{} {shown:?} is not told: {}", link.name, read(&log));
    assert_eq!(proxy.secured(), 0, "{} {shown:?} was spoken to", link.name);
}

async fn check_all(link: &Link, real_url: &str) {
    use Shown::{Expired, FromSomebodyElse, Nothing, OfAnotherName, Right};
    for shown in [Right, Expired, OfAnotherName, FromSomebodyElse, Nothing] {
        check(link, real_url, shown).await;
    }
}

/// Name and password, host and port, and the rest of a URL's path.
fn parts(url: &str) -> (String, &str, &str) {
    let (_, rest) = url.split_once("://").unwrap();
    let (place, path) = rest.split_once('/').unwrap();
    let (login, server) = match place.rsplit_once('@') {
        Some((login, server)) => (format!("{login}@"), server),
        None => (String::new(), place),
    };
    (login, server, path.split('?').next().unwrap())
}

fn read(log: &Path) -> String {
    std::fs::read_to_string(log).unwrap()
}

async fn is_healthy(instance: &Instance, name: &str) -> bool {
    let answer = instance.client().try_get("/health").await;
    answer.is_some_and(|answer| answer.json()["services"][name] == "healthy")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn postgres_is_joined_only_where_its_certificate_is_right() {
    let database = Database::migrated().await;
    let link = Link {
        name: "postgres",
        called: "store.postgres.url",
        url: "DATABASE_URL",
        authority: "TOLLGATE__STORE__POSTGRES__CA_PATH",
        scheme: "postgres",
        query: "?sslmode=require", // with an authority this looks at the certificate, too
        is_asked: true,
        settings: Vec::new(),
    };
    check_all(&link, database.service_url()).await;
    // The driver itself would take a certificate of any name for this.
    let any_name = Link { query: "?sslmode=verify-ca", ..link };
    for shown in [Shown::Right, Shown::OfAnotherName] {
        check(&any_name, database.service_url(), shown).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn mongodb_is_joined_only_where_its_certificate_is_right() {
    let corner = Corner::new();
    let link = Link {
        name: "mongodb",
        called: "store.mongodb.url",
        url: "MONGODB_URI",
        authority: "TOLLGATE__STORE__MONGODB__CA_PATH",
        scheme: "mongodb",
        // The members of the set are told by their own addresses, past the proxy.
        query: "?directConnection=true&tls=true",
        is_asked: false,
        settings: vec![("TOLLGATE__STORE__MONGODB__SERVER_SELECTION_MS", "3000".to_owned())],
    };
    check_all(&link, corner.url()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn redis_is_joined_only_where_its_certificate_is_right() {
    let link = Link {
        name: "redis",
        called: "could not reach the shared cache",
        url: "REDIS_URL",
        authority: "TOLLGATE__CACHE__REDIS__CA_PATH",
        scheme: "rediss",
        query: "",
        is_asked: false,
        settings: vec![
            ("TOLLGATE__CACHE__REDIS__PREFIX", format!("{}:", servers::unique())),
            // One without TLS waits for the end of what it takes for a command.
            ("TOLLGATE__CACHE__REDIS__CONNECT_MS", "2000".to_owned()),
        ],
    };
    check_all(&link, &servers::url("REDIS_URL")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn rabbitmq_is_joined_only_where_its_certificate_is_right() {
    let (url, prefix) = (servers::url("RABBITMQ_URL"), format!("{}.", servers::unique()));
    let link = Link {
        name: "messageQueue",
        called: "the message broker does not answer",
        url: "RABBITMQ_URL",
        authority: "TOLLGATE__BROKER__RABBITMQ__CA_PATH",
        scheme: "amqps",
        query: "",
        is_asked: false,
        settings: vec![("TOLLGATE__BROKER__RABBITMQ__PREFIX", prefix.clone())],
    };
    check_all(&link, &url).await;
    world::clear(&url, &prefix).await;
}
