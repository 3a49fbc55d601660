//! The load generator: one thread, many kept-alive connections.
//!
//! Saturation is a closed loop (each connection asks again as soon as it is answered) and gives the
//! peak. The open loop asks at a fixed rate whatever the service does, and measures from the moment
//! at which a request was due: a service that stalls is not spared the requests that it delays.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use hdrhistogram::Histogram;
use tokio::task::LocalSet;
use tokio::time::Instant;

use super::line::Line;
use super::pace::Due;
use super::requests::{Template, Tokens};

/// Latencies above this are recorded as this.
const LATENCY_US_MAX: u64 = 60_000_000;

/// What to ask, and over how many connections.
#[derive(Clone, Debug)]
pub struct Load {
    /// Whom.
    pub addr: SocketAddr,
    /// How many connections.
    pub connections: usize,
    /// What: any of these.
    pub templates: Arc<Vec<Template>>,
    /// Whether an answer must repeat its request's token.
    pub tokens_come_back: bool,
}

/// When saturation ends: whichever is later.
#[derive(Clone, Copy, Debug)]
pub struct Until {
    /// At least this long.
    pub elapsed: Duration,
    /// At least so many answers.
    pub answers: u64,
}

/// What came of a phase. Times in microseconds.
#[derive(Clone, Debug)]
pub struct Phase {
    /// From due (open loop) or sent (closed loop) to answered.
    pub latency: Histogram<u64>,
    /// From due to sent.
    pub lateness: Histogram<u64>,
    /// Right answers.
    pub answers: u64,
    /// Everything else.
    pub errors: u64,
    /// One of the errors.
    pub example: Option<String>,
    /// From the first request to the last answer.
    pub elapsed: Duration,
}

impl Phase {
    fn empty() -> Self {
        let histogram = || Histogram::new_with_max(LATENCY_US_MAX, 3).expect("3 digits are valid");
        Self {
            latency: histogram(),
            lateness: histogram(),
            answers: 0,
            errors: 0,
            example: None,
            elapsed: Duration::ZERO,
        }
    }

    /// Right answers per second.
    pub fn rate(&self) -> f64 {
        let seconds = self.elapsed.as_secs_f64();
        if seconds > 0.0 { count(self.answers) / seconds } else { 0.0 }
    }

    /// Counts what went wrong.
    pub(super) fn error(&mut self, what: impl FnOnce() -> String) {
        self.errors += 1;
        self.example.get_or_insert_with(what);
    }
}

/// A count as a number to divide.
#[expect(clippy::cast_precision_loss, reason = "counts of a run are far below 2^52")]
pub const fn count(count: u64) -> f64 {
    count as f64
}

/// What all connections of a phase share.
pub(super) struct Shared {
    pub(super) load: Load,
    pub(super) tokens: Rc<RefCell<Tokens>>,
    pub(super) phase: RefCell<Phase>,
    started: Cell<u64>,
    random: Cell<u64>,
}

impl Load {
    /// Asks as fast as the answers come. Blocks.
    pub fn saturate(&self, tokens: &mut Tokens, until: Until) -> io::Result<Phase> {
        self.run(tokens, |shared, start| {
            let end = start + until.elapsed;
            move |mut line: Line| {
                let shared = Rc::clone(&shared);
                async move {
                    while Instant::now() < end || shared.started.get() < until.answers {
                        shared.started.set(shared.started.get() + 1);
                        let now = Instant::now();
                        line.ask(&shared, now, now).await;
                    }
                }
            }
        })
    }

    /// Asks `rate` times a second, evenly. Blocks.
    pub fn open_loop(&self, tokens: &mut Tokens, rate: u32, time: Duration) -> io::Result<Phase> {
        let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let requests = u64::from(rate).saturating_mul(millis) / 1_000;
        self.run(tokens, |shared, start| {
            let due = Due::paced(start, rate, requests);
            move |mut line: Line| {
                let (shared, due) = (Rc::clone(&shared), Rc::clone(&due));
                async move {
                    while let Some(at) = due.next().await {
                        line.ask(&shared, at, Instant::now()).await;
                    }
                }
            }
        })
    }

    /// Opens the connections, then lets each do its work on this one thread.
    fn run<Work, Asking>(
        &self,
        tokens: &mut Tokens,
        prepare: impl FnOnce(Rc<Shared>, Instant) -> Work,
    ) -> io::Result<Phase>
    where
        Work: Fn(Line) -> Asking,
        Asking: Future<Output = ()> + 'static,
    {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let own = Rc::new(RefCell::new(tokens.clone()));
        let shared = Rc::new(Shared {
            load: self.clone(),
            tokens: Rc::clone(&own),
            phase: RefCell::new(Phase::empty()),
            started: Cell::new(0),
            random: Cell::new(0x9e37_79b9_7f4a_7c15),
        });
        let elapsed = LocalSet::new().block_on(&runtime, async {
            let mut lines = Vec::with_capacity(self.connections);
            for _ in 0..self.connections {
                lines.push(Line::open(self.addr).await?);
            }
            let start = Instant::now();
            let work = prepare(Rc::clone(&shared), start);
            let tasks: Vec<_> =
                lines.into_iter().map(|line| tokio::task::spawn_local(work(line))).collect();
            for task in tasks {
                task.await.map_err(io::Error::other)?;
            }
            Ok::<_, io::Error>(start.elapsed())
        })?;
        tokens.clone_from(&own.borrow());
        let phase = shared.phase.borrow().clone();
        Ok(Phase { elapsed, ..phase })
    }
}

impl Shared {
    /// xorshift64: which card is next has to be spread, not secret.
    pub(super) fn next_random(&self) -> u64 {
        let mut x = self.random.get();
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        self.random.set(x);
        x >> 33
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use axum::Router;
    use axum::routing::post;

    use super::super::requests::Caller;
    use super::*;

    /// A service that answers with the request's token, after a pause, and every `nth` time wrong.
    fn serve(pause: Duration, nth: u64) -> SocketAddr {
        let (send, receive) = std::sync::mpsc::channel();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async {
                let served = Arc::new(std::sync::atomic::AtomicU64::new(0));
                let answer = move |body: String| async move {
                    let number = served.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
                    tokio::time::sleep(pause).await;
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
        let caller = Caller { addr, username: "u", password: "p" };
        let template = Template::purchase(&caller, "usr", "crd").unwrap();
        Load { addr, connections, templates: Arc::new(vec![template]), tokens_come_back: true }
    }

    #[test]
    fn saturation_counts_right_and_wrong_answers() {
        let load = load(serve(Duration::ZERO, 10), 4);
        let until = Until { elapsed: Duration::ZERO, answers: 100 };
        let phase = load.saturate(&mut Tokens::of("test"), until).unwrap();
        assert_eq!((phase.answers, phase.errors), (90, 10));
        assert_eq!(phase.example.as_deref(), Some("answered 200 wrong"));
        assert_eq!(phase.latency.len(), 90);
    }

    #[test]
    fn the_open_loop_measures_from_when_a_request_was_due() {
        // One connection serves 20 requests a second and is asked for 100: the last of them waits
        // for all before it.
        let load = load(serve(Duration::from_millis(50), u64::MAX), 1);
        let time = Duration::from_millis(200);
        let phase = load.open_loop(&mut Tokens::of("test"), 100, time).unwrap();
        assert_eq!((phase.answers, phase.errors), (20, 0));
        assert!(phase.latency.max() > 700_000, "{} us", phase.latency.max());
        assert!(phase.lateness.max() > 700_000, "{} us", phase.lateness.max());
    }
}
