//! A short memory of who is asking and whose documents they may read: a page of thumbnails asks the same fifty times.
//!
//! Only what was found is remembered, a second at most, and every write through this process's API empties the memory:
//! a right that ends here ends at once, one that ends in another process within two seconds (the user's and the
//! document's).
//!
//! Measured on SQLite with two cores: a thumbnail takes 20 µs of processor time, 60 to 140 µs if only users are
//! remembered, 90 to 150 µs without this memory.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::{
    app::App,
    db::DbError,
    id::{DocumentId, UserId},
    library::document::Document,
    user::{Role, User, login},
};

const AGE: Duration = Duration::from_secs(1);
const MOST: usize = 4096;

#[derive(Debug, Default)]
pub(super) struct Known {
    /// By the hash of the secret they come with; the flag tells sessions from tokens.
    users: Memory<(bool, String), User>,
    /// By who asks with which roles: a request that was on its way when roles changed leaves nothing to later ones.
    documents: Memory<(UserId, Vec<Role>, DocumentId), Document>,
}

impl Known {
    pub(super) async fn by_token(&self, app: &App, secret: &str) -> Result<Option<Arc<User>>, DbError> {
        self.users.get_or((false, login::secret_hash(secret)), login::by_token(&app.db, secret)).await
    }

    pub(super) async fn by_session(&self, app: &App, secret: &str) -> Result<Option<Arc<User>>, DbError> {
        let look = login::by_session(&app.db, secret, app.clock.now());
        self.users.get_or((true, login::secret_hash(secret)), look).await
    }

    /// The document, if `user` may see it; what changes in it, such as its way to the vendor, may be a second old.
    pub(super) async fn readable(
        &self,
        app: &App,
        id: DocumentId,
        user: &User,
    ) -> Result<Option<Arc<Document>>, DbError> {
        let look = Document::find_visible(&app.db, &id, user);
        self.documents.get_or((user.id.clone(), user.roles.0.clone(), id.clone()), look).await
    }

    pub(super) fn forget(&self) {
        self.users.forget();
        self.documents.forget();
    }
}

#[derive(Debug)]
struct Memory<K, V>(Mutex<Found<K, V>>);

#[derive(Debug)]
struct Found<K, V> {
    values: HashMap<K, (Instant, Arc<V>)>,
    /// How often everything was forgotten: what was looked up before must not be remembered after.
    era: u64,
}

impl<K, V> Default for Memory<K, V> {
    fn default() -> Self {
        Self(Mutex::new(Found { values: HashMap::new(), era: 0 }))
    }
}

impl<K: Eq + Hash, V> Memory<K, V> {
    async fn get_or<E>(&self, key: K, look: impl Future<Output = Result<Option<V>, E>>) -> Result<Option<Arc<V>>, E> {
        let (asked, era) = (Instant::now(), {
            let found = self.lock();
            match found.values.get(&key) {
                Some((asked, value)) if asked.elapsed() < AGE => return Ok(Some(Arc::clone(value))),
                _ => found.era,
            }
        });
        let Some(value) = look.await?.map(Arc::new) else { return Ok(None) };
        let mut found = self.lock();
        if found.era == era {
            if found.values.len() >= MOST {
                found.values.clear();
            }
            found.values.insert(key, (asked, Arc::clone(&value)));
        }
        Ok(Some(value))
    }

    fn forget(&self) {
        let mut found = self.lock();
        found.era += 1;
        found.values.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Found<K, V>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn looked_up(memory: &Memory<u32, u32>, key: u32, value: Option<u32>) -> Option<u32> {
        memory.get_or(key, async { Ok::<_, ()>(value) }).await.unwrap().map(|value| *value)
    }

    #[tokio::test]
    async fn what_was_found_is_remembered_and_what_was_not_is_not() {
        let memory = Memory::default();
        assert_eq!(looked_up(&memory, 1, None).await, None);
        assert_eq!(looked_up(&memory, 1, Some(5)).await, Some(5));
        assert_eq!(looked_up(&memory, 1, Some(6)).await, Some(5));
        assert_eq!(looked_up(&memory, 2, Some(7)).await, Some(7));
    }

    #[tokio::test]
    async fn it_is_asked_again_when_it_is_old_or_forgotten() {
        let memory = Memory::default();
        looked_up(&memory, 1, Some(5)).await;
        memory.lock().values.insert(1, (Instant::now() - AGE, Arc::new(5)));
        assert_eq!(looked_up(&memory, 1, Some(6)).await, Some(6));
        memory.forget();
        assert_eq!(looked_up(&memory, 1, None).await, None);
    }

    #[tokio::test]
    async fn what_was_looked_up_before_a_write_is_not_remembered_after_it() {
        let memory = Memory::default();
        let look = async {
            memory.forget();
            Ok::<_, ()>(Some(5))
        };
        assert_eq!(memory.get_or(1, look).await, Ok(Some(Arc::new(5))));
        assert_eq!(looked_up(&memory, 1, None).await, None);
    }

    #[tokio::test]
    async fn it_is_bounded() {
        let memory = Memory::default();
        for key in 0..=u32::try_from(MOST).unwrap() {
            looked_up(&memory, key, Some(1)).await;
        }
        assert!(memory.lock().values.len() <= MOST);
    }
}
