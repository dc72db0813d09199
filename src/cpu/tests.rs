use std::{
    sync::{
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    time::Duration,
};

use super::*;

const BUDGET: u64 = 10 * UNIT;

fn cpu(threads: usize, jobs: usize) -> Cpu {
    Cpu::new(threads, jobs, BUDGET).unwrap()
}

/// All slots and all memory are free.
async fn assert_idle(cpu: &Cpu, jobs: u32) {
    let all = async {
        drop(futures::future::join_all((0..jobs).map(|_| cpu.jobs.take(""))).await);
        drop(cpu.memory.acquire_many(cpu.units).await.unwrap());
    };
    tokio::time::timeout(Duration::from_secs(10), all).await.expect("a permit was lost");
    assert_eq!(cpu.jobs.free(), usize::try_from(jobs).unwrap());
    assert_eq!(cpu.memory.available_permits(), 10);
}

#[tokio::test]
async fn work_runs_on_the_pools_own_threads() {
    let cpu = cpu(2, 4);
    let name = cpu.run(1, || std::thread::current().name().map(str::to_owned)).await.unwrap();
    assert!(name.unwrap().starts_with("cpu-"));
    assert_idle(&cpu, 4).await;
}

#[tokio::test]
async fn a_panic_is_an_error_and_the_pool_goes_on() {
    let cpu = cpu(1, 2);
    let failed: Result<(), _> = cpu.run(BUDGET, || panic!("no such pixel")).await;
    assert_eq!(failed, Err(CpuError::Panicked("no such pixel".to_owned())));
    assert_eq!(cpu.run(BUDGET, || 7).await, Ok(7));
    assert_idle(&cpu, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_jobs_nor_memory_exceed_their_bounds() {
    // Three jobs at once, or two by memory (four of ten units each), though there are eight threads.
    for (memory, bound) in [(UNIT, 3), (4 * UNIT, 2), (6 * UNIT, 1), (99 * BUDGET, 1)] {
        let cpu = cpu(8, 3);
        let now = Arc::new(AtomicU32::new(0));
        let most = Arc::new(AtomicU32::new(0));
        let runs = (0..24).map(|_| {
            let (now, most) = (Arc::clone(&now), Arc::clone(&most));
            cpu.run(memory, move || {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                std::thread::sleep(Duration::from_millis(2));
                now.fetch_sub(1, Ordering::SeqCst);
            })
        });
        for result in futures::future::join_all(runs).await {
            result.unwrap();
        }
        assert_eq!(most.load(Ordering::SeqCst), bound, "{memory} bytes each");
        assert_idle(&cpu, 3).await;
    }
}

#[tokio::test]
async fn who_stops_waiting_leaves_no_permit_behind() {
    let cpu = cpu(1, 2);
    let (release, released) = mpsc::channel::<()>();
    let (started, has_started) = oneshot::channel();
    let running = tokio::spawn({
        let cpu = cpu.clone();
        async move {
            cpu.run(UNIT, move || {
                let _ = started.send(());
                released.recv().unwrap();
            })
            .await
        }
    });
    has_started.await.unwrap();

    // One in the pool's queue, one that waits for a place.
    let ran = Arc::new(AtomicU32::new(0));
    let count = |ran: &Arc<AtomicU32>| {
        let ran = Arc::clone(ran);
        move || ran.fetch_add(1, Ordering::SeqCst)
    };
    let mut queued = Box::pin(cpu.run(UNIT, count(&ran)));
    let mut waiting = Box::pin(cpu.run(UNIT, count(&ran)));
    assert!(futures::poll!(&mut queued).is_pending());
    assert!(futures::poll!(&mut waiting).is_pending());
    assert_eq!(cpu.jobs.free(), 0);
    drop((waiting, queued));
    running.abort();
    assert!(running.await.unwrap_err().is_cancelled());
    assert_eq!(cpu.memory.available_permits(), 8, "the thread is still at work, and the other in its queue");

    release.send(()).unwrap();
    assert_idle(&cpu, 2).await;
    assert_eq!(ran.load(Ordering::SeqCst), 0, "nobody waited for it any more");
}
