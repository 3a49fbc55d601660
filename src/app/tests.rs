//! The whole service in one process: start, answer, stop, start again.

use secrecy::ExposeSecret;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;
use crate::domain::id::Home;

fn settings(folder: &tempfile::TempDir) -> Settings {
    Settings::embedded(folder.path().join("data"), "127.0.0.1:0".parse().unwrap())
}

async fn ask(running: &Running, line: &str, headers: &str) -> String {
    ask_at(running.addr, line, headers).await
}

async fn ask_at(address: SocketAddr, line: &str, headers: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("{line} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn a_service_starts_answers_stops_and_starts_again() {
    let folder = tempfile::tempdir().unwrap();
    let running = start(settings(&folder)).await.unwrap();
    assert_ne!(running.addr.port(), 0);
    for probe in ["/live", "/health", "/ready"] {
        let answer = ask(&running, &format!("GET {probe}"), "").await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    let profile = "GET /api/v1/profile";
    assert!(ask(&running, profile, "").await.starts_with("HTTP/1.1 401"));
    let key = running.secrets.admin_key.expose_secret().to_owned();
    let bearer = format!("authorization: Bearer {key}\r\n");
    assert!(ask(&running, profile, &bearer).await.starts_with("HTTP/1.1 200"));

    running.drain();
    assert!(ask(&running, "GET /ready", "").await.starts_with("HTTP/1.1 503"));
    assert!(ask(&running, "GET /health", "").await.starts_with("HTTP/1.1 200"));
    let address = running.addr;
    running.shutdown().await;
    assert!(TcpStream::connect(address).await.is_err());

    let again = start(settings(&folder)).await.unwrap();
    assert!(again.secrets.generated.is_empty());
    assert_eq!(again.secrets.admin_key.expose_secret(), key);
    again.shutdown().await;
}

#[tokio::test]
async fn metrics_are_only_at_the_admin_s_address() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = settings(&folder);
    settings.admin.listen = Some("127.0.0.1:0".parse().unwrap());
    let running = start(settings).await.unwrap();
    let admin = running.admin_addr.unwrap();
    assert!(ask(&running, "GET /api/v1/profile", "").await.starts_with("HTTP/1.1 401"));
    let metrics = ask_at(admin, "GET /metrics", "").await;
    assert!(metrics.starts_with("HTTP/1.1 200"), "{metrics}");
    for line in [
        "# TYPE tollgate_requests_total counter",
        "tollgate_requests_total{door=",
        "tollgate_stage_seconds{stage=\"decision\",quantile=\"0.99\"}",
        "tollgate_lane_intents_total{what=\"settled\"}",
        "tollgate_cache_lookups_total{home=\"both\",level=\"memory\",kind=\"card\",result=\"hit\"}",
        "tollgate_cache_lookups_total{home=\"both\",level=\"memory\",kind=\"transaction\",result=\"miss\"}",
        "tollgate_probe_seconds{server=\"messageQueue\"}",
        "tollgate_http_request_seconds_bucket{door=\"api\",le=\"0.2\"}",
    ] {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }
    assert!(ask_at(admin, "GET /live", "").await.starts_with("HTTP/1.1 200"));
    for path in ["GET /health", "GET /api/v1/profile", "POST /api/v1/marqeta/jit"] {
        assert!(ask_at(admin, path, "").await.starts_with("HTTP/1.1 404"), "{path}");
    }
    assert!(ask(&running, "GET /metrics", "").await.starts_with("HTTP/1.1 404"));
    running.shutdown().await;
    assert!(TcpStream::connect(admin).await.is_err());
}

#[tokio::test]
async fn an_address_that_is_taken_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut settings = settings(&folder);
    settings.http.listen = taken.local_addr().unwrap();
    let Err(error) = start(settings).await else { panic!("it started") };
    assert_eq!(error.to_string(), format!("can not listen on {}", taken.local_addr().unwrap()));
}

#[tokio::test]
async fn books_that_are_not_there_are_not_made() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(&folder);
    assert!(open_audits(&settings).await.is_err());
    assert!(open_yardstick(&settings, Home::Business).await.is_err());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
