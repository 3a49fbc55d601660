//! Connections that an idle pool keeps open. The driver offers to do it, and then tries after each connection
//! that goes back to open what is missing, for five minutes where the server is away: that takes the places
//! of others, and a pool that is closed waits for it.

use std::time::Duration;

use sqlx::postgres::PgPool;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::pooled::Pooled;
use crate::store::StoreError;

/// Opens so many connections, and keeps them open though they would be closed after `idle` without work, until
/// the pool is closed or this is dropped.
pub(super) fn keep(pool: &PgPool, connections: u32, idle: Duration) -> JoinSet<()> {
    let pool = pool.clone();
    let mut keeping = JoinSet::new();
    keeping.spawn(async move {
        let mut closing = pool.close_event();
        while closing.do_until(turn(&pool, connections, idle * 3 / 4)).await.is_ok() {}
    });
    keeping
}

async fn turn(pool: &PgPool, connections: u32, pause: Duration) {
    let _ = lend(pool, connections).await; // what is missing is opened in another turn
    sleep(pause).await;
}

/// How long others may miss the idle ones while another is opened.
const OPEN_MAX: Duration = Duration::from_millis(500);

/// Lends them all at a time, the longest without work first. They go back as ones that have just been used.
async fn lend(pool: &PgPool, connections: u32) -> Result<(), StoreError> {
    let mut lent: Vec<Pooled> = (0..connections).map_while(|_| Pooled::idle(pool)).collect();
    while pool.size() < connections {
        let opened = timeout(OPEN_MAX, Pooled::of(pool)).await;
        lent.push(opened.map_err(|late| StoreError::Unavailable(Box::new(late)))??);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::PostgresOptions;
    use super::super::connect;
    use super::*;

    #[tokio::test]
    async fn a_pool_whose_server_is_away_is_closed_at_once() {
        let options = PostgresOptions::new("postgres://app@127.0.0.1:1/tollgate").unwrap();
        let pool = connect::readers(&options);
        assert_eq!(pool.options().get_min_connections(), 0, "the driver would keep them");
        let mut keeping = keep(&pool, connect::readers_min(&options), options.idle_timeout);
        sleep(Duration::from_millis(200)).await;
        assert_eq!(pool.size(), 1, "one is being opened, at the start");
        timeout(Duration::from_secs(1), pool.close()).await.unwrap();
        timeout(Duration::from_secs(1), keeping.join_next()).await.unwrap();
    }
}
