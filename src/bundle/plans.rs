//! The plans that are in memory. A download of many ranges reads its plan once.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::OnceCell;

use super::{
    layout::Layout,
    plan::{DamagedPlan, FrozenPlan},
    record::Bundle,
};
use crate::{
    clock::Timestamp,
    content::download::original_of,
    cpu::{Cpu, CpuError},
    hash::Blake3,
    id::BundleId,
    store::{Store, StoreError, StoreKey},
};

/// A plan with the layout of its zip.
#[derive(Debug)]
pub struct OpenPlan {
    pub modified: Timestamp,
    pub layout: Arc<Layout>,
    /// The hashes of the originals, sorted.
    originals: Vec<[u8; 32]>,
}

impl OpenPlan {
    #[must_use]
    pub fn of(plan: &FrozenPlan) -> Self {
        let layout = Arc::new(Layout::of(&plan.entries));
        let mut originals: Vec<[u8; 32]> =
            layout.keys().filter_map(original_of).filter_map(|hash| raw(&hash)).collect();
        originals.sort_unstable();
        originals.dedup();
        originals.shrink_to_fit();
        Self { modified: plan.modified, layout, originals }
    }

    /// Returns true if the zip has the original.
    #[must_use]
    pub fn has(&self, original: &Blake3) -> bool {
        raw(original).is_some_and(|hash| self.originals.binary_search(&hash).is_ok())
    }

    fn memory(&self) -> usize {
        self.layout.memory() + self.originals.len() * size_of::<[u8; 32]>()
    }
}

fn raw(hash: &Blake3) -> Option<[u8; 32]> {
    hex::decode(hash.as_str()).ok()?.try_into().ok()
}

#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    #[error("the bundle has ended")]
    Gone,
    #[error(transparent)]
    Damaged(#[from] DamagedPlan),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Cpu(#[from] CpuError),
}

/// Reads the plan of a bundle. A plan that is not there has ended: a node whose clock is ahead has deleted it.
pub async fn read(store: &Store, cpu: &Cpu, bundle: &Bundle) -> Result<FrozenPlan, PlanError> {
    let key = bundle.plan_key.clone().ok_or(PlanError::Gone)?;
    let object = match store.get(&StoreKey::Raw(key)).await {
        Err(StoreError::NotFound { .. }) => return Err(PlanError::Gone),
        other => other?,
    };
    let memory = object.len() as u64 * 8;
    Ok(cpu.run(memory, move || FrozenPlan::decode(&object)).await??)
}

/// The cache. It holds at most `bound` bytes; the plan that was not used for the longest time goes first.
#[derive(Debug)]
pub struct PlanCache {
    bound: usize,
    known: Mutex<Known>,
}

type Opening = Arc<OnceCell<Arc<OpenPlan>>>;

#[derive(Debug, Default)]
struct Known {
    plans: HashMap<BundleId, (u64, Arc<OpenPlan>)>,
    /// Plans that are being read. Many connections of one download read a plan once.
    opening: HashMap<BundleId, Opening>,
    bytes: usize,
    uses: u64,
}

impl PlanCache {
    #[must_use]
    pub fn new(bound: usize) -> Self {
        Self { bound, known: Mutex::default() }
    }

    /// Returns the plan of a bundle.
    pub async fn open(&self, store: &Store, cpu: &Cpu, bundle: &Bundle) -> Result<Arc<OpenPlan>, PlanError> {
        self.get_or(&bundle.id, async || {
            let plan = read(store, cpu, bundle).await?;
            Ok(cpu.run(plan.memory(), move || OpenPlan::of(&plan)).await?)
        })
        .await
    }

    /// Keeps the plan of a bundle that was made here, so that its first request need not read it.
    pub fn keep(&self, id: &BundleId, plan: OpenPlan) {
        self.lock().put(id, &Arc::new(plan), self.bound);
    }

    async fn get_or<E>(
        &self,
        id: &BundleId,
        read: impl AsyncFnOnce() -> Result<OpenPlan, E>,
    ) -> Result<Arc<OpenPlan>, E> {
        let opening = {
            let mut known = self.lock();
            if let Some(plan) = known.get(id) {
                return Ok(plan);
            }
            Arc::clone(known.opening.entry(id.clone()).or_default())
        };
        let opened = opening.get_or_try_init(async || Ok::<_, E>(Arc::new(read().await?))).await.cloned();
        let mut known = self.lock();
        if known.opening.get(id).is_some_and(|current| Arc::ptr_eq(current, &opening)) {
            known.opening.remove(id);
        }
        let plan = opened?;
        known.put(id, &plan, self.bound);
        Ok(plan)
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn get(&mut self, id: &BundleId) -> Option<Arc<OpenPlan>> {
        self.uses += 1;
        let now = self.uses;
        let (used, plan) = self.plans.get_mut(id)?;
        *used = now;
        Some(Arc::clone(plan))
    }

    fn put(&mut self, id: &BundleId, plan: &Arc<OpenPlan>, bound: usize) {
        let size = plan.memory();
        if size > bound || self.plans.contains_key(id) {
            return;
        }
        self.uses += 1;
        let now = self.uses;
        self.plans.insert(id.clone(), (now, Arc::clone(plan)));
        self.bytes += size;
        while self.bytes > bound {
            let oldest = self.plans.iter().min_by_key(|(_, (used, _))| *used).map(|(id, _)| id.clone());
            let Some((_, old)) = oldest.and_then(|id| self.plans.remove(&id)) else { return };
            self.bytes -= old.memory();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::bundle::layout::{Entry, EntryContent};

    fn plan(entries: usize) -> OpenPlan {
        let entry = |n: usize| {
            let blake3 = Blake3::of(&n.to_le_bytes());
            let key = format!("originals/公共知识库/2026-11/{blake3}.jpg");
            let content = EntryContent::Stored(key);
            Entry { name: format!("{n}.jpg"), bytes: 5, crc32: 0, blake3, at: Timestamp(0), content }
        };
        let entries = (0..entries).map(entry).collect();
        OpenPlan::of(&FrozenPlan { name: String::new(), modified: Timestamp(0), documents: Vec::new(), entries })
    }

    async fn open(cache: &PlanCache, id: &BundleId, reads: &AtomicUsize) -> Arc<OpenPlan> {
        let read = async || {
            tokio::task::yield_now().await;
            reads.fetch_add(1, Ordering::Relaxed);
            Ok::<_, PlanError>(plan(10))
        };
        cache.get_or(id, read).await.unwrap()
    }

    #[tokio::test]
    async fn the_cache_stays_within_its_bound_and_the_plan_unused_for_longest_leaves() {
        let (size, reads) = (plan(10).memory(), AtomicUsize::new(0));
        let cache = PlanCache::new(size * 3 + 1);
        let ids: Vec<BundleId> = (0..4).map(|_| BundleId::new()).collect();
        for id in &ids[..3] {
            open(&cache, id, &reads).await;
        }
        open(&cache, &ids[0], &reads).await;
        open(&cache, &ids[3], &reads).await;
        assert_eq!((reads.load(Ordering::Relaxed), cache.lock().bytes), (4, size * 3));
        for (id, kept) in ids.iter().zip([true, false, true, true]) {
            assert_eq!(cache.lock().plans.contains_key(id), kept);
        }
        let large = PlanCache::new(size - 1);
        open(&large, &ids[0], &reads).await;
        let held = large.lock();
        assert_eq!((held.plans.len(), held.bytes, held.opening.len()), (0, 0, 0));
    }

    #[tokio::test]
    async fn eight_connections_read_a_plan_once() {
        let (cache, id, reads) = (PlanCache::new(usize::MAX), BundleId::new(), AtomicUsize::new(0));
        futures::future::join_all((0..8).map(|_| open(&cache, &id, &reads))).await;
        assert_eq!(reads.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn a_failed_read_is_tried_again() {
        let (cache, id) = (PlanCache::new(usize::MAX), BundleId::new());
        assert!(cache.get_or(&id, async || Err::<OpenPlan, _>(PlanError::Gone)).await.is_err());
        assert!(cache.get_or(&id, async || Ok::<_, PlanError>(plan(1))).await.is_ok());
    }

    #[test]
    fn a_plan_knows_its_originals() {
        let plan = plan(100);
        assert!(plan.has(&Blake3::of(&7_usize.to_le_bytes())));
        assert!(!plan.has(&Blake3::of(&100_usize.to_le_bytes())));
        let part = format!("evidence/flow/bundle/{}.html", Blake3::of(b"x"));
        assert_eq!(original_of(&part), None);
    }

    #[test]
    fn the_memory_of_a_plan_is_what_it_takes() {
        let (small, large) = (plan(1_000).memory(), plan(2_000).memory());
        assert!((1_900..2_100).contains(&(large * 1_000 / small)), "{small} {large}");
        assert!(small > 1_000 * (2 * size_of::<(u64, [usize; 4])>() + 90), "headers, keys and their places: {small}");
    }
}
