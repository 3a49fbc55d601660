//! Dead letters.

use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::PostgresStore;
use super::error::{translate, unreadable};
use super::parties::affected;
use crate::domain::dead_letter::{Act, DeadLetter, LetterFilter, LetterState, WholeLetter};
use crate::domain::id::DeadLetterId;
use crate::domain::time::Timestamp;
use crate::store::dead_letters::{DeadLetters, fingerprint, searched};
use crate::store::{StoreError, StoreFuture};

type Row = (Uuid, i64, String, String);

fn letter((id, died_at, state, envelope): Row) -> Result<DeadLetter, StoreError> {
    let unknown = || unreadable("a dead letter in an unknown state");
    Ok(DeadLetter {
        id: DeadLetterId::new(id),
        state: LetterState::parse(&state).ok_or_else(unknown)?,
        died_at: Timestamp::from_micros(died_at),
        envelope: serde_json::from_str(&envelope).map_err(unreadable)?,
    })
}

async fn insert(
    connection: &mut PgConnection,
    letter: &DeadLetter,
    body: Vec<u8>,
) -> Result<(), StoreError> {
    let envelope = serde_json::to_string(&letter.envelope).map_err(unreadable)?;
    let fingerprint = fingerprint(letter, &body);
    let release = include_str!("sql/dead_letter_release.sql");
    affected(connection, sqlx::query(release).bind(fingerprint.clone())).await?;
    let query = sqlx::query(include_str!("sql/dead_letter_insert.sql"))
        .bind(letter.id.uuid())
        .bind(letter.died_at.as_micros())
        .bind(letter.state.as_str())
        .bind(&letter.envelope.queue)
        .bind(&letter.envelope.reason)
        .bind(fingerprint)
        .bind(searched(letter, &body))
        .bind(envelope)
        .bind(body);
    query.execute(connection).await.map(drop).map_err(translate)
}

impl DeadLetters for PostgresStore {
    fn keep(&self, letter: DeadLetter, body: Vec<u8>) -> StoreFuture<'_, ()> {
        Box::pin(self.write(move |connection| {
            Box::pin(async move { insert(connection, &letter, body).await })
        }))
    }

    fn letters(
        &self,
        filter: LetterFilter,
        after: Option<DeadLetterId>,
        rows_max: u32,
    ) -> StoreFuture<'_, Vec<DeadLetter>> {
        Box::pin(async move {
            let query = sqlx::query_as(include_str!("sql/dead_letters_find.sql"))
                .bind(filter.queue)
                .bind(filter.reason)
                .bind(filter.state.map(LetterState::as_str))
                .bind(filter.before.map(Timestamp::as_micros))
                .bind(filter.text.map(|text| text.to_lowercase()))
                .bind(after.map(DeadLetterId::uuid).unwrap_or_default())
                .bind(i64::from(rows_max));
            let rows: Vec<Row> =
                query.fetch_all(&mut self.reader().await?).await.map_err(translate)?;
            rows.into_iter().map(letter).collect()
        })
    }

    fn count(&self, filter: LetterFilter) -> StoreFuture<'_, u64> {
        Box::pin(async move {
            let query = sqlx::query_scalar(include_str!("sql/dead_letters_count.sql"))
                .bind(filter.queue)
                .bind(filter.reason)
                .bind(filter.state.map(LetterState::as_str))
                .bind(filter.before.map(Timestamp::as_micros))
                .bind(filter.text.map(|text| text.to_lowercase()));
            let rows: i64 = query.fetch_one(&mut self.reader().await?).await.map_err(translate)?;
            Ok(u64::try_from(rows).unwrap_or_default())
        })
    }

    fn letter(&self, id: DeadLetterId) -> StoreFuture<'_, Option<WholeLetter>> {
        Box::pin(async move {
            let mut reader = self.reader().await?;
            let query = sqlx::query_as(include_str!("sql/dead_letter_find.sql")).bind(id.uuid());
            let row: Option<(Uuid, i64, String, String, Vec<u8>)> =
                query.fetch_optional(&mut reader).await.map_err(translate)?;
            let Some((id, died_at, state, envelope, body)) = row else { return Ok(None) };
            let query = sqlx::query_scalar(include_str!("sql/dead_letter_acts_find.sql")).bind(id);
            let acts: Vec<String> = query.fetch_all(&mut reader).await.map_err(translate)?;
            let act = |act: String| serde_json::from_str(&act).map_err(unreadable);
            let acts = acts.into_iter().map(act).collect::<Result<_, _>>()?;
            let letter = letter((id, died_at, state, envelope))?;
            Ok(Some(WholeLetter { letter, body, acts }))
        })
    }

    fn act(&self, id: DeadLetterId, act: Act) -> StoreFuture<'_, bool> {
        Box::pin(self.write(move |connection| {
            Box::pin(async move {
                let update = sqlx::query(include_str!("sql/dead_letter_update.sql"))
                    .bind(id.uuid())
                    .bind(act.state.as_str());
                if affected(connection, update).await? == 0 {
                    return Ok(false);
                }
                let insert = sqlx::query(include_str!("sql/dead_letter_act_insert.sql"))
                    .bind(id.uuid())
                    .bind(serde_json::to_string(&act).map_err(unreadable)?);
                affected(connection, insert).await.map(|_| true)
            })
        }))
    }
}
