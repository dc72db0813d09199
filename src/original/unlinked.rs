//! Contents between the store and their row. A photo is linked up to 0.2 s after its bytes are durable. If the same
//! content comes again in this time, the database does not know it yet. It must not be decoded a second time.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use tokio::sync::OnceCell;

use super::Original;
use crate::hash::Blake3;

/// The contents that this process is storing, or has stored and not linked yet.
#[derive(Debug, Default)]
pub struct UnlinkedOriginals(Mutex<HashMap<Blake3, Weak<OnceCell<Original>>>>);

/// One content. Keep it until the row of the original is committed, or until that has failed.
pub type UnlinkedOriginal = Arc<OnceCell<Original>>;

impl UnlinkedOriginals {
    /// Returns the cell of a content, the same for all callers that hold it. The first caller that initialises it looks
    /// up or stores the original. The others wait for its result. If it fails, the next one tries.
    ///
    /// The lookup of the row belongs into the initialisation: when the last holder is gone, the row is committed.
    #[must_use]
    pub fn of(&self, hash: &Blake3) -> UnlinkedOriginal {
        let mut contents = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = contents.get(hash).and_then(Weak::upgrade) {
            return known;
        }
        contents.retain(|_, content| content.strong_count() > 0);
        let new = UnlinkedOriginal::default();
        contents.insert(hash.clone(), Arc::downgrade(&new));
        new
    }
}
