//! What the body scanner costs, in bytes a second: on a purchase, and on bodies as large as they come. As
//! a yardstick, what it costs serde_json to skip the same bodies, which is far less of a check. Fails where
//! the scanner is not faster than 500 MB/s.

#![expect(clippy::print_stdout, reason = "what was measured is its result")]

use std::hint::black_box;
use std::process::ExitCode;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group};
use serde::de::IgnoredAny;
use tokio::time::Instant;

use tollgate::wire::scan::scan;

const PURCHASE: &str = include_str!("../tests/golden/jit/authorization.json");

/// The largest bodies: of a purchase or a change, and of a notification.
const BYTES_MAX: usize = 64 * 1024;
const NOTIFICATION_BYTES_MAX: usize = 256 * 1024;

/// What each body has to be scanned faster than, in bytes a second, and how often that is looked at, with so
/// many passes each time.
const RATE_MIN: f64 = 500e6;
const SAMPLES: usize = 100;
const PASSES: u32 = 20;

/// Many small objects of short texts and numbers, as reports have them.
fn dense() -> String {
    let mut body = String::from("{\"items\":[");
    while body.len() < BYTES_MAX - 200 {
        body.push_str(r#"{"id":"t-000017","amount":1250,"currency":"EUR","ok":true},"#);
        if body.matches("\"id\"").count() >= 480 {
            break; // there is a limit of keys
        }
    }
    body.push_str("null]}");
    body
}

/// Long texts, as notes and addresses are.
fn texts(bytes_max: usize) -> String {
    let line = "Fern Street Grocer, 17 rue de la Fougère, 9000 Ghent; open from 7 to 19 ";
    let text = line.repeat(1_000 / line.len());
    let mut body = String::from("{\"notes\":[");
    while body.len() < bytes_max - 1_200 {
        body.push_str(&format!("\"{text}\","));
    }
    body.push_str("null]}");
    body
}

fn bodies() -> [(&'static str, String); 4] {
    [
        ("a purchase", PURCHASE.to_owned()),
        ("64 KiB of objects", dense()),
        ("64 KiB of texts", texts(BYTES_MAX)),
        ("256 KiB of texts", texts(NOTIFICATION_BYTES_MAX)),
    ]
}

fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("scanner");
    for (name, body) in bodies() {
        assert!(scan(body.as_bytes()).is_ok(), "{name}");
        group.throughput(Throughput::Bytes(body.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| scan(black_box(body.as_bytes())));
        });
        group.bench_function(format!("{name}, skipped by serde_json"), |bencher| {
            bencher.iter(|| serde_json::from_slice::<IgnoredAny>(black_box(body.as_bytes())));
        });
    }
    group.finish();
}

criterion_group!(benches, bench);

fn main() -> ExitCode {
    benches();
    Criterion::default().configure_from_args().final_summary();
    if std::env::args().any(|argument| argument == "--test") {
        return ExitCode::SUCCESS; // run as a test, and not optimised
    }
    let is_slow = |(name, body): &(&str, String)| {
        let rate = rate(body.as_bytes());
        println!("{name}: {:.0} MB/s", rate / 1e6);
        rate <= RATE_MIN
    };
    let slow = bodies().iter().filter(|body| is_slow(body)).count();
    println!("{slow} of them at {:.0} MB/s or less", RATE_MIN / 1e6);
    if slow == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Bytes a second, by the median.
fn rate(body: &[u8]) -> f64 {
    let sample = || {
        let started = Instant::now();
        for _ in 0..PASSES {
            let _ = black_box(scan(black_box(body)));
        }
        started.elapsed() / PASSES
    };
    let mut took: Vec<Duration> = (0..SAMPLES).map(|_| sample()).collect();
    took.sort_unstable();
    body.len() as f64 / took[SAMPLES / 2].as_secs_f64()
}
