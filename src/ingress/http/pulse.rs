//! What a connection is doing, and since when: whether it has been silent or slow for too long.
//!
//! hyper's own header timeout can not tell a kept-alive connection that rests from one that drips
//! its next header; this can, because it sees the bytes come in.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

use crate::domain::clock::Clock;
use crate::domain::time::Monotonic;

use super::edge::Edge;
use super::framing::Framing;
use super::refusal;

/// How long a connection waits for its peer to go after an answer that left a request unread. A
/// connection that is reset at once may take its answer with it.
const LINGER: Duration = Duration::from_millis(500);

/// How long the peer of an answer without an end may take nothing of it: three of its signs of life.
pub(super) const UNTAKEN_MAX: Duration = Duration::from_secs(45);

/// How long a peer may take over an answer, as long as it goes on. Without going on it has as long as a
/// connection may rest.
const ANSWER_MAX: Duration = Duration::from_secs(60);

const FRESH: u8 = 0;
const HEADER: u8 = 1;
const BUSY: u8 = 2;
const IDLE: u8 = 3;
const STREAM: u8 = 4;

/// What a connection is doing. Shared by its stream, its requests and its driver; all run in one
/// task, so relaxed atomics are enough.
#[derive(Debug)]
pub(super) struct Pulse {
    phase: AtomicU8,
    since_us: AtomicU64,
    answered_us: AtomicU64,
    unread: AtomicBool,
    doubtful: AtomicBool,
}

/// How long each phase may last.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    pub(super) header: Duration,
    pub(super) idle: Duration,
    /// Of an answer without an end, between two bytes that are taken.
    pub(super) untaken: Duration,
}

impl Pulse {
    pub(super) fn new(now: Monotonic) -> Self {
        Self {
            phase: AtomicU8::new(FRESH),
            since_us: AtomicU64::new(now.as_micros()),
            answered_us: AtomicU64::new(now.as_micros()),
            unread: AtomicBool::new(false),
            doubtful: AtomicBool::new(false),
        }
    }

    /// Bytes have come in.
    fn bytes(&self, clock: &dyn Clock) {
        if matches!(self.phase.load(Ordering::Relaxed), FRESH | IDLE) {
            // A new connection's time has run since it was accepted.
            let idle = self.phase.swap(HEADER, Ordering::Relaxed) == IDLE;
            if idle {
                self.since_us.store(clock.monotonic().as_micros(), Ordering::Relaxed);
            }
        }
    }

    /// Bytes of an answer have gone out: as long as it is being taken, the connection does not rest.
    fn wrote(&self, clock: &dyn Clock) {
        let phase = self.phase.load(Ordering::Relaxed);
        if !matches!(phase, IDLE | STREAM) {
            return;
        }
        let now = clock.monotonic();
        if phase == STREAM {
            self.since_us.store(now.as_micros(), Ordering::Relaxed);
            return;
        }
        let answered = Monotonic::from_micros(self.answered_us.load(Ordering::Relaxed));
        if Duration::from_micros(now.since(answered)) < ANSWER_MAX {
            self.since_us.store(now.as_micros(), Ordering::Relaxed);
        }
    }

    /// A header is complete.
    pub(super) fn begin(&self) {
        self.phase.store(BUSY, Ordering::Relaxed);
    }

    /// An answer is ready.
    pub(super) fn end(&self, now: Monotonic) {
        self.since_us.store(now.as_micros(), Ordering::Relaxed);
        self.answered_us.store(now.as_micros(), Ordering::Relaxed);
        self.phase.store(IDLE, Ordering::Relaxed);
    }

    /// An answer has begun that does not end by itself.
    pub(super) fn stream(&self, now: Monotonic) {
        self.since_us.store(now.as_micros(), Ordering::Relaxed);
        self.phase.store(STREAM, Ordering::Relaxed);
    }

    /// Whether such an answer goes on.
    pub(super) fn is_streaming(&self) -> bool {
        self.phase.load(Ordering::Relaxed) == STREAM
    }

    /// Whether a body was left unread: its connection ends with the answer.
    pub(super) fn has_unread(&self) -> bool {
        self.unread.load(Ordering::Relaxed)
    }

    /// A body was not read to its end.
    pub(super) fn leave_unread(&self) {
        self.unread.store(true, Ordering::Relaxed);
    }

    /// A head has come in that leaves in doubt where its body ends.
    fn doubt(&self) {
        self.doubtful.store(true, Ordering::Relaxed);
    }

    /// Whether one has. Which of the requests it was is not known, and need not be: nobody who means well
    /// sends one, and the connection ends with the first answer after it.
    pub(super) fn is_doubtful(&self) -> bool {
        self.doubtful.load(Ordering::Relaxed)
    }

    /// Whether nothing has come in yet.
    pub(super) fn is_fresh(&self) -> bool {
        self.phase.load(Ordering::Relaxed) == FRESH
    }

    /// How long the connection may go on before it must be looked at again; `None`: it is over.
    pub(super) fn patience(&self, now: Monotonic, patience: Patience) -> Option<Duration> {
        let limit = match self.phase.load(Ordering::Relaxed) {
            FRESH | HEADER => patience.header,
            IDLE => patience.idle,
            STREAM => patience.untaken,
            _ => return Some(patience.header),
        };
        let since = Monotonic::from_micros(self.since_us.load(Ordering::Relaxed));
        let left = limit.checked_sub(Duration::from_micros(now.since(since)))?;
        // A header may begin at any moment, and its time is counted from there.
        (!left.is_zero()).then(|| left.min(patience.header))
    }

    fn must_linger(&self) -> bool {
        let unread = self.unread.load(Ordering::Relaxed);
        unread || self.phase.load(Ordering::Relaxed) == HEADER
    }
}

/// A stream that reports what comes in, and says in full what hyper refuses with a bare status.
pub(super) struct Watched {
    stream: TcpStream,
    pulse: Arc<Pulse>,
    edge: Arc<Edge>,
    framing: Framing,
    linger: Option<Pin<Box<Sleep>>>,
    instead: Option<Instead>,
}

/// An answer that goes out instead of another one.
struct Instead {
    answer: Vec<u8>,
    written: usize,
    /// How long the other one is.
    for_bytes: usize,
}

impl Watched {
    pub(super) fn new(stream: TcpStream, pulse: Arc<Pulse>, edge: Arc<Edge>) -> Self {
        Self { stream, pulse, edge, framing: Framing::default(), linger: None, instead: None }
    }

    /// Begins to write our answer instead of these bytes, where they are not ours.
    fn replace(&mut self, bytes: &[u8], for_bytes: usize) {
        if self.instead.is_none()
            && let Some(status) = refusal::foreign(bytes)
        {
            let answer = self.edge.refusal(status);
            self.instead = Some(Instead { answer, written: 0, for_bytes });
        }
    }

    /// Reports what has been written.
    fn report(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if matches!(written, Poll::Ready(Ok(1..))) {
            self.pulse.wrote(&*self.edge.clock);
        }
        written
    }

    /// Writes what goes out instead; `None`: nothing does.
    fn poll_instead(&mut self, cx: &mut Context<'_>) -> Option<Poll<io::Result<usize>>> {
        let instead = self.instead.as_mut()?;
        while let Some(rest) = instead.answer.get(instead.written..).filter(|rest| !rest.is_empty())
        {
            match Pin::new(&mut self.stream).poll_write(cx, rest) {
                Poll::Ready(Ok(0)) => {
                    return Some(Poll::Ready(Err(io::ErrorKind::WriteZero.into())));
                }
                Poll::Ready(Ok(written)) => instead.written += written,
                Poll::Ready(Err(error)) => return Some(Poll::Ready(Err(error))),
                Poll::Pending => return Some(Poll::Pending),
            }
        }
        let for_bytes = instead.for_bytes;
        self.instead = None;
        Some(Poll::Ready(Ok(for_bytes)))
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        let more = buffer.filled().get(before..).unwrap_or_default();
        if !more.is_empty() {
            self.pulse.bytes(&*self.edge.clock);
            if self.framing.look_at(more) {
                self.pulse.doubt();
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.replace(bytes, bytes.len());
        match self.poll_instead(cx) {
            Some(written) => written,
            None => {
                let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
                self.report(written)
            }
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let first = slices.iter().find(|slice| !slice.is_empty());
        let bytes = first.map_or(&[][..], |slice| slice);
        self.replace(bytes, bytes.len());
        match self.poll_instead(cx) {
            Some(written) => written,
            None => {
                let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
                self.report(written)
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    /// Says that nothing more will be sent; where a request was left unread, waits a moment for
    /// the peer to read the answer and go.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
        if !self.pulse.must_linger() {
            return Poll::Ready(Ok(()));
        }
        let linger = self.linger.get_or_insert_with(|| Box::pin(tokio::time::sleep(LINGER)));
        if linger.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Ok(()));
        }
        let mut scratch = [0; 4096];
        loop {
            let mut buffer = ReadBuf::new(&mut scratch);
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer))?;
            if buffer.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clock::tests::StillClock;

    const PATIENCE: Patience = Patience {
        header: Duration::from_secs(5),
        idle: Duration::from_secs(60),
        untaken: UNTAKEN_MAX,
    };

    fn at(second: u64) -> StillClock {
        StillClock { monotonic_us: (second * 1_000_000).into(), ..StillClock::default() }
    }

    fn left(pulse: &Pulse, second: u64) -> Option<u64> {
        let now = Monotonic::from_micros(second * 1_000_000);
        pulse.patience(now, PATIENCE).map(|left| left.as_secs())
    }

    #[test]
    fn each_phase_has_its_own_limit() {
        let pulse = Pulse::new(Monotonic::default());
        assert_eq!((left(&pulse, 0), left(&pulse, 4), left(&pulse, 5)), (Some(5), Some(1), None));
        pulse.begin();
        assert_eq!(left(&pulse, 1000), Some(5), "a request is not the connection's affair");
        pulse.end(Monotonic::from_micros(1_000_000_000));
        assert_eq!(left(&pulse, 1001), Some(5), "looked at again before a drip could go on longer");
        assert_eq!((left(&pulse, 1058), left(&pulse, 1060)), (Some(2), None));
    }

    #[test]
    fn an_answer_without_an_end_goes_on_as_long_as_it_is_taken() {
        let pulse = Pulse::new(Monotonic::default());
        pulse.begin();
        pulse.stream(Monotonic::from_micros(0));
        for second in (0..600).step_by(15) {
            assert_eq!(left(&pulse, second), Some(5), "{second}");
            pulse.wrote(&at(second));
        }
        assert_eq!((left(&pulse, 629), left(&pulse, 630)), (Some(1), None));
        pulse.end(Monotonic::from_micros(629_000_000));
        assert_eq!((left(&pulse, 688), left(&pulse, 689)), (Some(1), None), "then it rests");
    }

    #[test]
    fn an_answer_may_be_taken_slowly_but_not_for_ever() {
        let pulse = Pulse::new(Monotonic::default());
        pulse.wrote(&at(4));
        assert_eq!(left(&pulse, 5), None, "nothing has been asked yet");
        pulse.begin();
        pulse.end(Monotonic::from_micros(100_000_000));
        pulse.wrote(&at(159));
        assert_eq!(
            (left(&pulse, 218), left(&pulse, 219)),
            (Some(1), None),
            "from the last byte on"
        );
        pulse.wrote(&at(160));
        assert_eq!(left(&pulse, 219), None, "a minute is long enough");
    }
}
