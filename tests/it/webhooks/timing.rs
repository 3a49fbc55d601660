//! How long a wrong signature takes does not tell where it is wrong. Coarse: a comparison that stops at
//! the first wrong byte shows, a few nanoseconds that a machine makes of its caches do not.
#![expect(clippy::print_stdout, reason = "what was measured is the verdict, and is quoted")]

use std::hint::black_box;

use http::{HeaderMap, HeaderValue};
use secrecy::SecretString;
use tokio::time::Instant;
use tollgate::domain::time::Timestamp;
use tollgate::ingress::http::webhooks::signature::{Rules, SignatureError};

const COMPARISONS: usize = 100_000;

/// A leak shows in every round; that a round shows one by chance happens.
const ROUNDS: usize = 5;

/// The longest of them are interruptions: so many in a hundred are left out of each kind.
const KEPT_PERCENT: usize = 95;

const BODY: &[u8] = br#"{"pings":[{"token":"marqeta","payload":"healthcheck"}]}"#;
const SECRET: &str = "Example-Secret-0001-abcXYZ!";

/// The signature of the body, and with one digit that is another one: the first, or the last.
const RIGHT: &str = "50f9f99131c8f4e7aca02522647c1f5c003d9c8cd1dc9219a7f0efe5b45a3315";
const WRONG_FIRST: &str = "60f9f99131c8f4e7aca02522647c1f5c003d9c8cd1dc9219a7f0efe5b45a3315";
const WRONG_LAST: &str = "50f9f99131c8f4e7aca02522647c1f5c003d9c8cd1dc9219a7f0efe5b45a3316";

fn headers(signature: &'static str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("x-marqeta-signature", HeaderValue::from_static(signature));
    headers
}

/// Further apart, a difference is one.
const SEEN_SIGMA: f64 = 3.0;

/// Stops at the first byte that is wrong.
fn equals_carelessly(headers: &HeaderMap) -> bool {
    let sent = headers["x-marqeta-signature"].as_bytes();
    sent.chunks(2).zip(RIGHT.as_bytes().chunks(2)).all(|(sent, right)| black_box(sent) == right)
}

/// The mean of what is kept, and how far it may be off (its standard error).
fn mean(mut times_ns: Vec<f64>) -> (f64, f64) {
    times_ns.sort_unstable_by(f64::total_cmp);
    times_ns.truncate(times_ns.len() * KEPT_PERCENT / 100);
    let count = times_ns.len() as f64;
    let mean = times_ns.iter().sum::<f64>() / count;
    let variance = times_ns.iter().map(|time| (time - mean).powi(2)).sum::<f64>() / (count - 1.0);
    (mean, (variance / count).sqrt())
}

/// How many standard errors the means of both kinds are apart, compared in turn.
fn round(what: &str, is_wrong: impl Fn(&HeaderMap) -> bool) -> f64 {
    let kinds = [headers(WRONG_FIRST), headers(WRONG_LAST)];
    let mut times_ns = [Vec::new(), Vec::new()];
    for n in 0..COMPARISONS {
        // First, last, last, first: what drifts, and what comes second, is the same for both.
        let kind = usize::from(matches!(n % 4, 1 | 2));
        let started = Instant::now();
        let wrong = is_wrong(&kinds[kind]);
        let took = started.elapsed();
        assert!(wrong);
        times_ns[kind].push(took.as_nanos() as f64);
    }
    let [first, last] = times_ns.map(mean);
    let apart = (first.0 - last.0).abs() / first.1.hypot(last.1);
    println!(
        "endure: signatures | {what} | {COMPARISONS} comparisons | wrong at the first digit {:.1} ns, at the last \
         {:.1} ns | {apart:.1} sigma apart",
        first.0, last.0
    );
    apart
}

#[test]
#[ignore = "a measurement alone on the machine: scripts/endure signatures"]
fn how_long_a_wrong_signature_takes_does_not_tell_where_it_is_wrong() {
    let rules = Rules { secrets: vec![SecretString::from(SECRET)], sha1: true, timestamp: None };
    let is_wrong = |headers: &HeaderMap| {
        rules.verify(headers, BODY, Timestamp::default()) == Err(SignatureError::Invalid)
    };
    let rounds = |what: &str, is_wrong: &dyn Fn(&HeaderMap) -> bool| -> Vec<f64> {
        (0..ROUNDS).map(|_| round(what, is_wrong)).collect()
    };
    // What is measured must show the fault that it is to find, beside the same work.
    let careless = rounds("carelessly", &|headers: &HeaderMap| {
        is_wrong(headers) && !equals_carelessly(headers)
    });
    assert!(careless.iter().all(|apart| *apart > SEEN_SIGMA), "not in every round: {careless:?}");
    let apart = rounds("as it is", &is_wrong);
    assert!(apart.iter().any(|apart| *apart <= SEEN_SIGMA), "in every round: {apart:?}");
}
