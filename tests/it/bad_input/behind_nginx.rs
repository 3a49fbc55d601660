//! The raw rows again, through a real nginx with the repository's configuration: nothing that is in
//! doubt about where a request ends comes through it as two.

use super::raw;
use super::rows::{Row, Sent};
use super::run::{exchange, missing_headers};
use super::smuggled;
use super::world::Names;
use crate::support::instance::Instance;
use crate::support::nginx::Nginx;

/// nginx still speaks the first of all versions, which has no status line, takes later ones for 1.1, and
/// drops header lines that are none: what it passes on is well-formed.
const LEFT_OUT: [&str; 3] = ["raw: HTTP/0.9", "raw: HTTP/1.2", "raw: a header without a colon"];

fn names(instance: &Instance) -> Names {
    let (client, nobody) = (instance.client(), String::new);
    let (basic, bearer) = (client.basic().to_owned(), client.bearer().to_owned());
    Names {
        card: nobody(),
        terminated: nobody(),
        limit: nobody(),
        user: nobody(),
        company: nobody(),
        account: nobody(),
        basic,
        bearer,
    }
}

/// What is answered otherwise than by the service alone. A target without a slash is none to nginx, and two keys
/// are a line twice. Of chunks it passes on what is in them, which lacks a name; what else is there it drops.
/// CONNECT is refused for its target, or by those who know its form for the method.
const OTHERWISE: [(&str, &[(u16, &str)]); 6] = [
    ("raw: a target without a slash", &[(400, "malformed_request")]),
    ("raw: OPTIONS *", &[(400, "malformed_request")]),
    ("raw: CONNECT", &[(400, "malformed_request"), (405, "method_not_allowed")]),
    ("raw: two keys", &[(400, "malformed_request")]),
    ("raw: 20 KiB of chunk extension", &[(400, "missing_field")]),
    ("raw: 120 KiB of trailers", &[(400, "missing_field")]),
];

/// What is right for the row. nginx has one code for whatever is no proper request.
fn wanted(row: &Row) -> Vec<(u16, &str)> {
    let otherwise = OTHERWISE.iter().find(|(name, _)| *name == row.name);
    let mut wanted = otherwise.map_or(vec![(row.status, row.code)], |(_, wanted)| wanted.to_vec());
    if wanted[0].0 == 400 {
        wanted.push((400, "malformed_request"));
    }
    wanted
}

/// What nginx answers by itself looks as if the service had: one refusal, as the row wants it, with the headers of
/// the house.
fn fault(row: &Row, (status, code, answer): &(u16, String, String)) -> Option<String> {
    let (answers, wanted) = (answer.matches("HTTP/1.1 ").count(), wanted(row));
    let refused = wanted.contains(&(*status, code.as_str()));
    let right = answers == 1 && refused && missing_headers(answer).is_empty();
    (!right).then(|| format!("{}: {answers} answers, not {wanted:?}: {answer}", row.name))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn what_is_in_doubt_is_refused_behind_nginx() {
    let folder = tempfile::tempdir().unwrap();
    let instance = Instance::start(folder.path()).await;
    let nginx = Nginx::before(&[instance.addr]).await;
    let names = names(&instance);
    let mut wrong = Vec::new();
    for row in raw::rows(&names) {
        let Sent::Raw(bytes) = &row.sent else { continue };
        if !LEFT_OUT.contains(&row.name.as_str()) {
            wrong.extend(fault(&row, &exchange(nginx.addr, bytes).await));
        }
    }
    let mut client = instance.client();
    wrong.extend(smuggled::run(nginx.addr, &mut client).await);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    smuggled::is_taken_where_it_is_one(nginx.addr, &mut client).await;
    let alive = b"GET /live HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    assert_eq!(exchange(nginx.addr, alive).await.0, 200, "and others are served");
    instance.kill();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn a_bulk_load_comes_through_nginx_and_another_body_of_its_size_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let instance = Instance::start(folder.path()).await;
    let nginx = Nginx::before(&[instance.addr]).await;
    let bearer = names(&instance).bearer;
    let lines: String =
        (0..3_000).map(|n| format!("{{\"user\":{{\"marqeta_token\":\"n-{n}\"}}}}\n")).collect();
    assert!(lines.len() > 64 * 1024);
    let post = |path: &str| {
        let length = lines.len();
        format!(
            "POST {path} HTTP/1.1\r\nhost: a\r\nauthorization: {bearer}\r\nconnection: close\r\n\
             content-type: application/x-ndjson\r\ncontent-length: {length}\r\n\r\n{lines}"
        )
    };
    let (status, _, answer) = exchange(nginx.addr, post("/api/v1/imports").as_bytes()).await;
    assert_eq!(status, 200, "{answer}");
    assert!(answer.contains("\"users\":3000"), "{answer}");
    let (status, code, answer) = exchange(nginx.addr, post("/api/v1/companies").as_bytes()).await;
    assert_eq!((status, code.as_str()), (413, "body_too_large"), "{answer}");
    instance.kill();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn the_answers_of_nginx_itself_look_like_those_of_the_service() {
    let folder = tempfile::tempdir().unwrap();
    let instance = Instance::start(folder.path()).await;
    let nginx = Nginx::before(&[instance.addr]).await;
    let get =
        |target: &str| format!("GET {target} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    let own = [
        ("nonsense\r\n\r\n".to_owned(), 400, "malformed_request"),
        (get("/live").replace("HTTP/1.1", "HTTP/9.9"), 400, "malformed_request"),
        (
            get("/live").replace("host: a", "host: a\r\ntransfer-encoding: x"),
            400,
            "malformed_request",
        ),
        (get("/metrics"), 404, "not_found"),
        (
            "TRACE / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n".to_owned(),
            405,
            "method_not_allowed",
        ),
        (get(&format!("/{}", "x".repeat(70 * 1024))), 414, "target_too_long"),
        (
            get("/live").replace("host: a", &format!("host: a\r\nx: {}", "x".repeat(70 * 1024))),
            431,
            "headers_too_large",
        ),
    ];
    for (request, status, code) in own {
        let answer = exchange(nginx.addr, request.as_bytes()).await;
        assert_eq!((answer.0, answer.1.as_str()), (status, code), "{}", answer.2);
        assert_eq!(missing_headers(&answer.2), [""; 0], "{}", answer.2);
        let allow = answer.2.to_lowercase().contains("\r\nallow: get, head, post,");
        assert_eq!(allow, status == 405, "{}", answer.2);
    }
    for (request, status, code) in [
        ("nonsense\r\n\r\n".to_owned(), 400, "malformed_request"),
        (get(&format!("/{}", "x".repeat(70 * 1024))), 400, "malformed_request"),
        (get("/api/v1/cards"), 403, "https_required"),
    ] {
        let answer = exchange(nginx.plain, request.as_bytes()).await;
        assert_eq!((answer.0, answer.1.as_str()), (status, code), "{}", answer.2);
        assert_eq!(missing_headers(&answer.2), [""; 0], "{}", answer.2);
    }
    let served = exchange(nginx.addr, get("/live").as_bytes()).await.2.to_lowercase();
    assert_eq!(missing_headers(&served), [""; 0], "{served}");
    for name in ["x-request-id: ", "cache-control: ", "x-content-type-options: "] {
        assert_eq!(
            served.matches(name).count(),
            1,
            "the service's own come through as they are: {served}"
        );
    }
    instance.kill();
    let (status, code, answer) = exchange(nginx.addr, get("/live").as_bytes()).await;
    assert_eq!((status, code.as_str()), (503, "unavailable"), "{answer}");
    assert_eq!(missing_headers(&answer), [""; 0], "{answer}");
    assert!(answer.to_lowercase().contains("retry-after: 1"), "{answer}");
}
