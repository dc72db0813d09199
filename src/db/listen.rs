//! Messages between processes through PostgreSQL's LISTEN and NOTIFY. SQLite has no such channel.

use sqlx::postgres::PgListener;

use super::{Db, DbError, Pools, sql};

/// Receives messages of other processes on one channel.
#[derive(Debug)]
pub struct Listener(PgListener);

impl Listener {
    /// Returns the next message. After a lost connection it listens again. Messages in between are lost.
    pub async fn hear(&mut self) -> Result<String, DbError> {
        self.0.recv().await.map(|said| said.payload().to_owned())
    }
}

impl Db {
    /// Returns a listener, or `None` on SQLite. The listener holds one connection of the pool.
    pub async fn listen(&self, channel: &str) -> Result<Option<Listener>, DbError> {
        let Pools::Postgres(pool) = &self.pools else { return Ok(None) };
        let mut listener = PgListener::connect_with(pool).await?;
        listener.listen(channel).await?;
        Ok(Some(Listener(listener)))
    }

    /// Sends a message to the listeners of all processes. The limit is about 8,000 bytes.
    pub async fn tell(&self, channel: &str, words: &str) -> Result<(), DbError> {
        sql("SELECT pg_notify($1, $2)").bind(channel).bind(words).execute(self).await.map(|_| ())
    }
}
