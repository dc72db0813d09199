//! Words from process to process through the database: PostgreSQL's LISTEN and NOTIFY. SQLite has none.

use sqlx::postgres::PgListener;

use super::{Db, DbError, Pools, sql};

/// Hears what other processes say on one channel.
#[derive(Debug)]
pub struct Listener(PgListener);

impl Listener {
    /// The next words. After a lost connection it listens again; what was said meanwhile is lost.
    pub async fn hear(&mut self) -> Result<String, DbError> {
        self.0.recv().await.map(|said| said.payload().to_owned())
    }
}

impl Db {
    /// A listener, where the engine lets processes talk to each other. It keeps one connection of the pool.
    pub async fn listen(&self, channel: &str) -> Result<Option<Listener>, DbError> {
        let Pools::Postgres(pool) = &self.pools else { return Ok(None) };
        let mut listener = PgListener::connect_with(pool).await?;
        listener.listen(channel).await?;
        Ok(Some(Listener(listener)))
    }

    /// Says something to the listeners of all processes; at most some 8,000 bytes.
    pub async fn tell(&self, channel: &str, words: &str) -> Result<(), DbError> {
        sql("SELECT pg_notify($1, $2)").bind(channel).bind(words).execute(self).await.map(|_| ())
    }
}
