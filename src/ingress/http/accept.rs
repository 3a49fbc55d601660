//! Our own accept loop: the framework's has no timeouts. A connection that is silent, or whose
//! header does not come to an end, is closed; so is one that has rested too long.

use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::domain::clock::Clock;
use crate::telemetry::doors::DoorMetrics;
use crate::telemetry::feed;

use super::Peer;
use super::edge::Edge;
use super::pulse::{Patience, Pulse, UNTAKEN_MAX, Watched};
use super::request_id::RequestIds;

/// Bytes of header, and of body between two reads, that one connection may make us keep. The
/// longest target that hyper parses (64 KiB, else 414) fits, so that too long a one is told apart
/// from too much header (431).
const BUFFER_BYTES_MAX: usize = 96 * 1024;

/// How long to wait after a failed accept: the process may be out of file descriptors.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// How long a header that has begun may still take once it is time to stop.
const LAST_HEADER: Duration = Duration::from_secs(1);

/// How long the peer of an answer may take nothing of it once it is time to stop.
const LAST_UNTAKEN: Duration = Duration::from_secs(2);

/// Bounds of a listener.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long a new connection or a begun header may take.
    pub header_timeout: Duration,
    /// How long a body may take after its header.
    pub body_timeout: Duration,
    /// How long a kept-alive connection may rest.
    pub idle_timeout: Duration,
    /// Open connections at most; further ones wait in the kernel's queue.
    pub connections_max: usize,
}

/// Serves until `stop`, then finishes the requests that are under way. Bound the wait from outside:
/// dropping this future leaves the connections to end by themselves.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
) {
    let edge = Arc::new(Edge {
        router,
        ids: RequestIds::new(clock.uuid()),
        clock,
        body_timeout: limits.body_timeout,
        doors: DoorMetrics::new(),
    });
    let seats = Arc::new(Semaphore::new(limits.connections_max));
    let open = TaskTracker::new();
    while let Some((stream, seat)) = next(&listener, &seats, &stop).await {
        let patience = Patience {
            header: limits.header_timeout,
            idle: limits.idle_timeout,
            untaken: UNTAKEN_MAX,
        };
        let connection =
            Connection { edge: Arc::clone(&edge), patience, stop: stop.clone(), _seat: seat };
        open.spawn(connection.drive(stream));
    }
    drop(listener);
    open.close();
    open.wait().await;
}

/// The next connection; `None` once it is time to stop.
async fn next(
    listener: &TcpListener,
    seats: &Arc<Semaphore>,
    stop: &CancellationToken,
) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let accepted = async {
        let seat = Arc::clone(seats).acquire_owned().await.ok()?;
        Some((accept(listener).await, seat))
    };
    stop.run_until_cancelled(accepted).await?
}

async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _peer)) => {
                // Fails only on a connection that is gone already, which the first read finds out.
                let _ = stream.set_nodelay(true);
                return stream;
            }
            Err(error) if is_the_peers_affair(&error) => {}
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "could not accept");
                tokio::time::sleep(ACCEPT_RETRY).await;
            }
        }
    }
}

fn is_the_peers_affair(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// One connection, from its acceptance to its end.
struct Connection {
    edge: Arc<Edge>,
    patience: Patience,
    stop: CancellationToken,
    _seat: OwnedSemaphorePermit,
}

impl Connection {
    async fn drive(self, stream: TcpStream) {
        let clock = Arc::clone(&self.edge.clock);
        let peer = stream.peer_addr().ok();
        let pulse = Arc::new(Pulse::new(clock.monotonic()));
        let watched = Watched::new(stream, Arc::clone(&pulse), Arc::clone(&self.edge));
        let service = service_fn(|mut request: Request<Incoming>| {
            if let Some(address) = peer {
                request.extensions_mut().insert(Peer(address.ip()));
            }
            let answer = Arc::clone(&self.edge).answer(request, Arc::clone(&pulse));
            async { Ok::<_, Infallible>(answer.await) }
        });
        let mut http = pin!(protocol().serve_connection(TokioIo::new(watched), service));
        let mut patience = self.patience;
        let mut look = pin!(tokio::time::sleep(patience.header));
        let mut stopping = false;
        loop {
            tokio::select! {
                biased;
                ended = http.as_mut() => {
                    if let Err(error) = ended {
                        let error = &error as &dyn std::error::Error;
                        tracing::debug!(error, "a connection ended early");
                    }
                    return;
                }
                () = look.as_mut() => match pulse.patience(clock.monotonic(), patience) {
                    Some(left) => look.set(tokio::time::sleep(left)),
                    None => {
                        if pulse.is_streaming() {
                            feed::ended(if stopping { "stopped" } else { "untaken" });
                        }
                        return;
                    }
                },
                () = self.stop.cancelled(), if !stopping => {
                    if pulse.is_fresh() {
                        return;
                    }
                    stopping = true;
                    patience = last(patience);
                    look.set(tokio::time::sleep(patience.header));
                    http.as_mut().graceful_shutdown();
                }
            }
        }
    }
}

/// How long each phase may last once it is time to stop.
fn last(patience: Patience) -> Patience {
    Patience {
        header: patience.header.min(LAST_HEADER),
        idle: patience.idle.min(LAST_UNTAKEN),
        untaken: LAST_UNTAKEN,
    }
}

/// More than 100 headers are 431, as are headers beyond the buffer. (hyper's `pipeline_flush` stays
/// off: it holds an answer back while part of a next request is there, and loses the 400 of a
/// header that can not be read.)
fn protocol() -> http1::Builder {
    let mut http = http1::Builder::new();
    http.header_read_timeout(None) // ours knows more, see `pulse`
        .max_buf_size(BUFFER_BYTES_MAX);
    http
}
