//! What the body scanner costs, in bytes a second: on a purchase, and on bodies as large as they come. As
//! a yardstick, what it costs serde_json to skip the same bodies, which is far less of a check.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use serde::de::IgnoredAny;

use tollgate::wire::scan::scan;

const PURCHASE: &str = include_str!("../tests/golden/jit/authorization.json");

/// The largest body.
const BYTES_MAX: usize = 64 * 1024;

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
fn texts() -> String {
    let line = "Fern Street Grocer, 17 rue de la Fougère, 9000 Ghent; open from 7 to 19 ";
    let text = line.repeat(1_000 / line.len());
    let mut body = String::from("{\"notes\":[");
    while body.len() < BYTES_MAX - 1_200 {
        body.push_str(&format!("\"{text}\","));
    }
    body.push_str("null]}");
    body
}

fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("scanner");
    for (name, body) in [
        ("a purchase", PURCHASE.to_owned()),
        ("64 KiB of objects", dense()),
        ("64 KiB of texts", texts()),
    ] {
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
criterion_main!(benches);
