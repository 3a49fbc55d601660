//! The writer task: whatever has queued up (messages, claims, settlements) goes into one transaction,
//! and everybody is answered once that has reached the disk.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection, Row};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use super::consumer::EmbeddedDelivery;
use super::dead::{bury_expired, bury_returned};
use super::jobs::{Change, Claimed, Job, Jobs};
use super::now_ms;
use super::queues::Queues;
use super::round::{Answer, DELETE, Round, on_each};
use super::rows::{self, NewRow};
use crate::broker::topology::Queue;
use crate::domain::clock::Clock;
use crate::domain::time::Monotonic;
use crate::telemetry::broker::BrokerMetrics;

const INSERT: &str = include_str!("sql/message_insert.sql");
const CLAIM: &str = include_str!("sql/messages_claim.sql");
const NEXT: &str = include_str!("sql/messages_next.sql");
const MOVE: &str = include_str!("sql/message_move.sql");
const RECOVER: &str = include_str!("sql/messages_recover.sql");
const EXPIRED_ONES: &str = include_str!("sql/messages_expired.sql");
const FORGET: &str = include_str!("sql/queue_delete.sql");
const FORGET_ALL: &str = include_str!("sql/queues_forget.sql");
const FORWARD: &str = include_str!("sql/messages_forward.sql");
const COUNT: &str = include_str!("sql/queues_count.sql");

/// How many jobs join one transaction.
const JOBS_MAX: usize = 256;

/// Longer than any pause before another attempt, in milliseconds.
const WAIT_MS_MAX: i64 = 10_000;

/// How often it is looked for messages that are worth nothing any more.
const EXPIRE_EVERY: Duration = Duration::from_secs(1);

/// The task's state.
pub(super) struct Writer {
    jobs: mpsc::UnboundedReceiver<Job>,
    options: SqliteConnectOptions,
    /// `None` after a failure that leaves its state in doubt: the next group opens a new one.
    connection: Option<SqliteConnection>,
    queues: Arc<Queues>,
    clock: Arc<dyn Clock>,
    metrics: BrokerMetrics,
    time: Time,
}

/// Milliseconds since 1970 when the file was opened, and from then on by a clock that is never set.
struct Time {
    opened_ms: i64,
    opened: Monotonic,
}

impl Writer {
    pub(super) fn new(
        jobs: mpsc::UnboundedReceiver<Job>,
        options: SqliteConnectOptions,
        connection: SqliteConnection,
        queues: Arc<Queues>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let metrics = BrokerMetrics::new();
        let time = Time { opened_ms: now_ms(&*clock), opened: clock.monotonic() };
        Self { jobs, options, connection: Some(connection), queues, clock, metrics, time }
    }

    /// Nobody has anything yet: what was with a consumer comes again, and queues of answers are gone
    /// with those who waited.
    pub(super) async fn recover(&mut self) -> Result<(), sqlx::Error> {
        let Some(connection) = self.connection.as_mut() else { return Ok(()) };
        let lost: Vec<i64> = sqlx::query_scalar(RECOVER).fetch_all(&mut *connection).await?;
        bury_returned(connection, &lost, self.time.opened_ms).await?;
        let names: Vec<&str> = Queue::ALL.iter().map(|queue| queue.name()).collect();
        let names = serde_json::to_string(&names).expect("texts always become JSON");
        sqlx::query(FORGET_ALL).bind(names).execute(&mut *connection).await?;
        // The wall clock may have been set back since.
        let query = sqlx::query(FORWARD).bind(self.time.opened_ms).bind(WAIT_MS_MAX);
        query.execute(connection).await.map(drop)
    }

    /// Works until nobody can ask any more, or it is told to close.
    pub(super) async fn run(mut self) {
        let mut expiry = tokio::time::interval(EXPIRE_EVERY);
        expiry.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut closing: Option<oneshot::Sender<()>> = None;
        while closing.is_none() {
            let mut group = Vec::new();
            let expire = tokio::select! {
                taken = self.jobs.recv_many(&mut group, JOBS_MAX) => {
                    if taken == 0 {
                        break;
                    }
                    false
                }
                _ = expiry.tick() => true,
            };
            if let Some(at) = group.iter().position(|job| matches!(job, Job::Close(_))) {
                // What is behind it finds the broker closed.
                if let Some(Job::Close(done)) = group.drain(at..).next() {
                    closing = Some(done);
                }
            }
            self.transact(group, expire).await;
        }
        self.jobs.close();
        if let Some(connection) = self.connection.take() {
            let _ = connection.close().await; // everything is committed
        }
        if let Some(done) = closing {
            let _ = done.send(()); // whoever asked has stopped waiting
        }
    }

    /// One transaction. Where it fails, everyone whose reply is dropped is told so by its text.
    async fn transact(&mut self, group: Vec<Job>, expire: bool) {
        let mut round = Round::begin(self.now_ms());
        match self.run_group(&mut round, group, expire).await {
            Ok(()) => round.settle(&self.queues),
            Err(error) => {
                self.metrics.write_failed(&error);
                round.fail(&error.to_string());
            }
        }
    }

    async fn run_group(
        &mut self,
        round: &mut Round,
        group: Vec<Job>,
        expire: bool,
    ) -> Result<(), sqlx::Error> {
        let connection = match self.connection.take() {
            Some(connection) => Ok(connection),
            None => self.options.connect().await,
        };
        let mut connection = match connection {
            Ok(connection) => connection,
            Err(error) => {
                round.take_replies(group);
                return Err(error);
            }
        };
        if let Err(error) = sqlx::query("begin immediate").execute(&mut connection).await {
            round.take_replies(group);
            return Err(error);
        }
        let mut group = group.into_iter();
        let mut failed = Ok(());
        for job in group.by_ref() {
            failed = self.run_job(round, &mut connection, job).await;
            if failed.is_err() {
                break;
            }
        }
        round.take_replies(group);
        failed?;
        round.sweep(&mut connection).await?;
        if expire {
            self.expire(round, &mut connection).await?;
        }
        sqlx::query("commit").execute(&mut connection).await?;
        // Dropped after a failure, it is closed, and what it had begun is undone.
        self.connection = Some(connection);
        Ok(())
    }

    async fn run_job(
        &mut self,
        round: &mut Round,
        connection: &mut SqliteConnection,
        job: Job,
    ) -> Result<(), sqlx::Error> {
        match job {
            Job::Publish { rows, reply } => {
                round.answers.push(Answer::Done(reply));
                for row in rows {
                    self.insert(round, connection, row).await?;
                }
            }
            Job::Claim { queue, permits, jobs, reply } => {
                // What came back before is there to be taken.
                round.sweep(connection).await?;
                let mut claimed = Claimed { deliveries: Vec::new(), wait_ms: None };
                let taken = claim(round, connection, &queue, permits, &jobs, &mut claimed).await;
                round.answers.push(Answer::Claimed(reply, claimed));
                taken?;
            }
            Job::Settle { change, reply } => {
                round.answers.push(Answer::Done(reply));
                match change {
                    Change::Gone(seq) => round.gone.push(seq),
                    Change::Back(seq) => round.back.push(seq),
                    Change::Moved { seq, queue, headers, body, pause_ms } => {
                        let ready_ms = round.now_ms.saturating_add(pause_ms);
                        move_to(connection, seq, &queue, (headers, body), ready_ms).await?;
                        round.arrived.insert(queue);
                    }
                }
            }
            Job::Release(seq) => round.back.push(seq),
            Job::Lost(seq) => round.lost.push(seq),
            Job::Forget(queue) => {
                sqlx::query(FORGET).bind(queue).execute(connection).await?;
            }
            Job::Count { reply } => {
                let rows = sqlx::query(COUNT).fetch_all(connection).await?;
                let counts = rows.iter().map(|row| {
                    let count: i64 = row.try_get(1)?;
                    Ok((row.try_get(0)?, u64::try_from(count).unwrap_or(0)))
                });
                let counts: Result<_, sqlx::Error> = counts.collect();
                round.answers.push(Answer::Counted(reply, counts?));
            }
            Job::Close(_) => {} // taken out before
        }
        Ok(())
    }

    async fn insert(
        &self,
        round: &mut Round,
        connection: &mut SqliteConnection,
        row: NewRow,
    ) -> Result<(), sqlx::Error> {
        if !round.arrived.contains(&row.queue) {
            round.arrived.insert(row.queue.clone());
        }
        row.bind(sqlx::query(INSERT), round.now_ms).execute(connection).await.map(drop)
    }

    fn now_ms(&self) -> i64 {
        let passed_ms = self.clock.monotonic().since(self.time.opened) / 1_000;
        self.time.opened_ms.saturating_add(i64::try_from(passed_ms).unwrap_or(i64::MAX))
    }

    /// What has expired is dead where its queue has dead letters, and dropped elsewhere.
    async fn expire(
        &self,
        round: &mut Round,
        connection: &mut SqliteConnection,
    ) -> Result<(), sqlx::Error> {
        let query = sqlx::query(EXPIRED_ONES).bind(round.now_ms);
        let mut dropped: Vec<i64> = Vec::new();
        for row in query.fetch_all(&mut *connection).await? {
            if bury_expired(connection, &row, round.now_ms).await? {
                round.arrived.insert(Queue::DeadLetters.name().to_owned());
            } else {
                dropped.push(row.try_get("seq")?);
            }
        }
        self.metrics.expired(dropped.len());
        on_each(connection, DELETE, &dropped).await
    }
}

async fn claim(
    round: &Round,
    connection: &mut SqliteConnection,
    queue: &str,
    permits: Vec<OwnedSemaphorePermit>,
    jobs: &Jobs,
    claimed: &mut Claimed,
) -> Result<(), sqlx::Error> {
    let most = i64::try_from(permits.len()).unwrap_or(i64::MAX);
    let query = sqlx::query(CLAIM).bind(queue.to_owned()).bind(round.now_ms).bind(most);
    let found = query.fetch_all(&mut *connection).await?;
    let found: Result<Vec<_>, _> = found.iter().map(rows::held).collect();
    let mut found = found?;
    found.sort_by_key(|row| (row.ready_ms, row.seq));
    claimed.deliveries = found
        .into_iter()
        .zip(permits)
        .map(|(row, permit)| EmbeddedDelivery::new(queue, row, jobs.clone(), permit))
        .collect();
    if claimed.deliveries.is_empty() {
        let next = sqlx::query_scalar(NEXT).bind(queue.to_owned());
        let next_ms: Option<i64> = next.fetch_one(connection).await?;
        claimed.wait_ms = next_ms.map(|next_ms| next_ms.saturating_sub(round.now_ms));
    }
    Ok(())
}

/// Moves a row to a queue, from when on it is its turn; its body may be another, too.
pub(super) async fn move_to(
    connection: &mut SqliteConnection,
    seq: i64,
    queue: &str,
    (headers, body): (String, Option<Bytes>),
    ready_ms: i64,
) -> Result<(), sqlx::Error> {
    let body = body.map(|body| body.to_vec());
    let query = sqlx::query(MOVE).bind(queue.to_owned()).bind(headers).bind(ready_ms).bind(seq);
    let query = query.bind(body);
    query.execute(connection).await.map(drop)
}
