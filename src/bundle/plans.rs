//! The plans that are in memory. A download of many ranges reads its plan once.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use super::{
    layout::Layout,
    plan::{DamagedPlan, FrozenPlan},
    record::Bundle,
};
use crate::{
    clock::Timestamp,
    cpu::{Cpu, CpuError},
    id::BundleId,
    store::{Store, StoreError, StoreKey},
};

/// A plan with the layout of its zip.
#[derive(Debug)]
pub struct OpenPlan {
    pub modified: Timestamp,
    pub layout: Arc<Layout>,
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

/// The cache. It holds at most `bound` bytes; the plan that was not used for the longest time goes first.
#[derive(Debug)]
pub struct PlanCache {
    bound: usize,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    plans: HashMap<BundleId, (u64, Arc<OpenPlan>)>,
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
        if let Some(plan) = self.get(&bundle.id) {
            return Ok(plan);
        }
        let key = bundle.plan_key.clone().ok_or(PlanError::Gone)?;
        let object = store.get(&StoreKey::Raw(key)).await?;
        let plan = cpu
            .run(0, move || {
                let FrozenPlan { modified, entries, .. } = FrozenPlan::decode(&object)?;
                Ok::<_, DamagedPlan>(OpenPlan { modified, layout: Arc::new(Layout::of(entries)) })
            })
            .await??;
        let plan = Arc::new(plan);
        self.put(&bundle.id, &plan);
        Ok(plan)
    }

    fn get(&self, id: &BundleId) -> Option<Arc<OpenPlan>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.uses += 1;
        let now = known.uses;
        let (used, plan) = known.plans.get_mut(id)?;
        *used = now;
        Some(Arc::clone(plan))
    }

    fn put(&self, id: &BundleId, plan: &Arc<OpenPlan>) {
        let size = plan.layout.memory();
        if size > self.bound {
            return;
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.uses += 1;
        let now = known.uses;
        if known.plans.insert(id.clone(), (now, Arc::clone(plan))).is_none() {
            known.bytes += size;
        }
        while known.bytes > self.bound {
            let oldest = known.plans.iter().min_by_key(|(_, (used, _))| *used).map(|(id, _)| id.clone());
            let Some((_, old)) = oldest.and_then(|id| known.plans.remove(&id)) else { return };
            known.bytes -= old.layout.memory();
        }
    }
}
