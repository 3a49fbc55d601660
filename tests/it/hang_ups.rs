//! Callers that hang up at each byte of an exchange: what was not asked to its end is not decided, what somebody has
//! seen a byte of stands, anything else is one decision too, and nothing of them stays open.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::instance::Instance;
use crate::support::{Client, Program, marqeta, rounds};

const HANG_UPS: usize = 500;
const HANG_UPS_LONG: usize = 5_000;

/// Connections that the service serves at a time. Whoever is not let go of keeps one.
const SEATS: &str = "16";

/// Descriptors that come and go beside: of the good client, and of the store; and after how many purchases the store
/// has opened its own.
const OTHERS: usize = 8;
const WARM: usize = 100;

/// How long callers stay that have asked and read nothing: up to so many steps.
const STEPS: usize = 50;
const STEP: Duration = Duration::from_micros(100);

/// Where a caller has gone.
enum Gone {
    BeforeTheEndOfItsRequest,
    BeforeItsAnswer,
    /// With this much of it.
    InItsAnswer(Vec<u8>),
}

fn purchase(token: &str, card: &str) -> String {
    marqeta::purchase(token, card, "1.00")
}

/// The whole request, as it is sent.
fn request(client: &Client, token: &str, card: &str) -> Vec<u8> {
    let (basic, body) = (client.basic(), purchase(token, card));
    let head = format!(
        "POST /api/v1/marqeta/jit HTTP/1.1\r\nhost: tollgate.test\r\nauthorization: {basic}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    (head + &body).into_bytes()
}

/// Sends this, stays for a while, reads so many bytes and is gone.
async fn hang_up(addr: SocketAddr, sent: &[u8], stay: Duration, read: usize) -> Vec<u8> {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.write_all(sent).await.unwrap();
    tokio::time::sleep(stay).await;
    let mut seen = Vec::new();
    stream.take(read as u64).read_to_end(&mut seen).await.unwrap();
    seen
}

/// Whether these are the first bytes of a response with this status line and body.
fn begins(seen: &[u8], status: &str, body: &[u8]) -> bool {
    let head = status.as_bytes();
    let seen_body = seen.windows(4).position(|four| four == b"\r\n\r\n").map(|at| &seen[at + 4..]);
    seen.starts_with(&head[..head.len().min(seen.len())])
        && seen_body.is_none_or(|seen_body| body.starts_with(seen_body))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_hangs_up_leaves_one_decision_at_most_and_nothing_open() {
    let folder = tempfile::tempdir().unwrap();
    let settings = [
        ("HTTP__CONNECTIONS_MAX", SEATS),
        ("FEED__FEEDS_MAX", "1"),
        ("JIT__DEADLINE_MS", "7000"),
        ("LANE__STALL_MS", "5000"),
    ];
    let settings = settings.map(|(name, value)| (format!("TOLLGATE__{name}"), value.to_owned()));
    let service = Instance::start_on(folder.path(), &settings).await;
    let mut client = service.client();
    let program = Program::set_up(&mut client, 100_000_000, 1).await;
    let card = program.card();
    let mut answer = 0;
    for number in 0..WARM {
        let whole = request(&client, &format!("w-{number:05}"), card);
        answer = hang_up(service.addr, &whole, Duration::ZERO, usize::MAX).await.len();
    }
    let baseline = service.descriptors();

    let count = rounds(HANG_UPS, HANG_UPS_LONG);
    // All bytes of a part in turn, as far as there are so many hang-ups.
    let spread = |length: usize, number: usize| number / 3 * length / (count / 3 + 1);
    let token = |number: usize| format!("h-{number:05}");
    let mut gone = Vec::new();
    for number in 0..count {
        let request = request(&client, &token(number), card);
        gone.push(match number % 3 {
            0 => {
                let sent = &request[..spread(request.len(), number)];
                hang_up(service.addr, sent, Duration::ZERO, 0).await;
                Gone::BeforeTheEndOfItsRequest
            }
            1 => {
                let stay = STEP * u32::try_from(number / 3 % STEPS).unwrap();
                hang_up(service.addr, &request, stay, 0).await;
                Gone::BeforeItsAnswer
            }
            _ => {
                let read = spread(answer, number) + 1;
                Gone::InItsAnswer(hang_up(service.addr, &request, Duration::ZERO, read).await)
            }
        });
    }
    let closed = service.descriptors_become(|open| open <= baseline + OTHERS).await;
    assert!(closed, "{} are open, {baseline} before", service.descriptors());

    let (mut held, mut late) = (i64::try_from(WARM).unwrap() * 1_00, 0);
    for (number, gone) in gone.iter().enumerate() {
        let token = token(number);
        if matches!(gone, Gone::BeforeTheEndOfItsRequest) {
            // Had anything been decided, another amount would be refused.
            let other = client.jit(marqeta::purchase(&token, card, "2.00")).await;
            assert_eq!(other.status, 200, "{number}: {other:?}");
            held += 2_00;
            continue;
        }
        let decided = client.jit(purchase(&token, card)).await;
        match decided.says() {
            (200, _) => held += 1_00,
            (402, reason) if reason == "TRANSACTION_NOT_PERMITTED" && !decided.is_unavailable() => {
                assert!(matches!(gone, Gone::BeforeItsAnswer), "{number} has been answered");
                late += 1;
            }
            other => panic!("{number}: {other:?}"),
        }
        if let Gone::InItsAnswer(seen) = gone {
            assert!(!seen.is_empty(), "{number} is answered");
            assert!(
                begins(seen, "HTTP/1.1 200 OK\r\n", &decided.body),
                "{number}: {:?}, then {decided:?}",
                String::from_utf8_lossy(seen)
            );
        }
        assert_eq!(client.jit(purchase(&token, card)).await, decided, "{number}");
    }
    println!("{count} hung up, {late} of them are late declines for ever");
    program.held_becomes(&mut client, held).await;
    service.verify();
}
