//! The load generator against small services of known behaviour.

use std::thread;

use axum::Router;
use axum::routing::post;

use super::super::profile::Profile;
use super::super::program::{Limits, Program};
use super::super::requests::Caller;
use super::*;

/// A service that answers with what it was sent, after a pause that depends on the request's
/// number, and every `nth` time wrong.
fn serve(pause: impl Fn(u64) -> Duration + Clone + Send + Sync + 'static, nth: u64) -> SocketAddr {
    let (send, receive) = std::sync::mpsc::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.unwrap().block_on(async {
            let served = Arc::new(std::sync::atomic::AtomicU64::new(0));
            let answer = move |body: String| async move {
                let number = served.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
                tokio::time::sleep(pause(number)).await;
                if number.is_multiple_of(nth) { "wrong".to_owned() } else { body }
            };
            let routes = Router::new().route("/api/v1/marqeta/jit", post(answer));
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            send.send(listener.local_addr().unwrap()).unwrap();
            axum::serve(listener, routes).await.unwrap();
        });
    });
    receive.recv().unwrap()
}

fn load(addr: SocketAddr, connections: usize) -> Load {
    let caller = Caller { host: "h".into(), username: "u".into(), password: "p".into() };
    let program = Program::new(Profile::Uncontended, 10, Limits::None, 7);
    let requests = Arc::new(Requests::of(&caller, &program).unwrap());
    Load { addrs: vec![addr], connections, requests, check: Check::Decision }
}

#[test]
fn saturation_counts_right_and_wrong_answers() {
    let load = load(serve(|_| Duration::ZERO, 10), 4);
    let until = Until { elapsed: Duration::ZERO, answers: 100, at_most: Duration::from_secs(60) };
    let phase = load.saturate(&mut Tokens::of("test"), until).unwrap();
    assert_eq!((phase.answers, phase.failures.wrong, phase.failures.total()), (90, 10, 10));
    assert_eq!(phase.example.as_deref(), Some("answered 200 wrong"));
    assert_eq!(phase.latency.len(), 90);
}

#[test]
fn saturation_ends_in_time_even_if_answers_are_missing() {
    let load = load(serve(|_| Duration::from_millis(20), u64::MAX), 1);
    let at_most = Duration::from_millis(100);
    let until = Until { elapsed: Duration::ZERO, answers: 1_000, at_most };
    let phase = load.saturate(&mut Tokens::of("test"), until).unwrap();
    assert!(phase.answers < 10 && phase.elapsed < Duration::from_secs(5), "{phase:?}");
}

#[test]
fn the_open_loop_measures_from_when_a_request_was_due() {
    // One connection serves 20 requests a second and is asked for 100: the last of them waits for
    // all before it.
    let load = load(serve(|_| Duration::from_millis(50), u64::MAX), 1);
    let time = Duration::from_millis(200);
    let phase = load.open_loop(&mut Tokens::of("test"), 100, time).unwrap();
    assert_eq!((phase.answers, phase.failures.total()), (20, 0));
    assert!(phase.latency.max() > 700_000, "{} us", phase.latency.max());
    assert!(phase.lateness.max() > 700_000, "{} us", phase.lateness.max());
}

#[test]
fn a_service_that_stalls_once_is_seen_in_the_high_quantiles() {
    // The first request takes 300 ms. A closed loop would have counted one slow answer; here a
    // third of the requests were due while it lasted.
    let pause = |number| Duration::from_millis(if number == 1 { 300 } else { 0 });
    let load = load(serve(pause, u64::MAX), 1);
    let phase = load.open_loop(&mut Tokens::of("test"), 200, Duration::from_secs(1)).unwrap();
    assert_eq!((phase.answers, phase.failures.total()), (200, 0));
    let quantile = |at| phase.latency.value_at_quantile(at);
    assert!(quantile(0.99) > 250_000, "{} us", quantile(0.99));
    assert!(quantile(0.80) > 50_000, "{} us", quantile(0.80));
}

#[test]
fn what_a_service_can_not_take_in_time_has_failed() {
    // 100 are due in 100 ms; one connection of 100 ms a request gets through a dozen in the 1.2 s
    // that there are.
    let load = load(serve(|_| Duration::from_millis(100), u64::MAX), 1);
    let time = Duration::from_millis(100);
    let phase = load.open_loop(&mut Tokens::of("test"), 1_000, time).unwrap();
    assert_eq!(phase.answers + phase.failures.unsent, 100);
    assert!(phase.failures.unsent > 80, "{:?}", phase.failures);
}
