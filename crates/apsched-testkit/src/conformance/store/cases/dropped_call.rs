//! Dropping the future of a call leaves the store consistent: the call happened, or did not.

use apsched_core::event::EventInterest;
use apsched_core::store::JobFilter;
use apsched_core::{Job, JobOutcome, JobStatus};

use crate::conformance::store::StoreHarness;
use crate::conformance::store::observed::{finished, ids, release_of};
use crate::conformance::store::process::Process;
use crate::fault::dropped_after;
use crate::sample::{self, at, schedule_id, seconds};

/// How often a call is polled before it is dropped.
const POLLS: [usize; 6] = [0, 1, 2, 3, 5, 8];

/// How often to look whether a server that was still at work when the call was dropped has come to its end.
const LOOKS: usize = 100;

pub(crate) async fn a_dropped_release_of_a_schedule_is_whole_or_nothing(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let b = Process::start(harness, "b").await;
    for polls in POLLS {
        let id = schedule_id(&format!("after {polls} polls"));
        a.add_schedule(sample::schedule(id.as_str()).once_at(at(0)).build()).await;
        let plan = a.plan(&a.acquire_schedule(at(0)).await, at(0));

        dropped_after(polls, a.release_schedules(vec![plan], at(0))).await;
        for _ in 0..LOOKS {
            b.fire(at(30)).await;
            if b.schedule(&id).await.fires > 0 {
                break;
            }
        }

        assert_eq!(b.schedule(&id).await.fires, 1, "{id}: it fired once");
        let filter = JobFilter { schedule_id: Some(id.clone()), ..JobFilter::default() };
        assert_eq!(b.jobs(&filter).await.len(), 1, "{id}: one job, of the first scheduler or the next");
    }
}

pub(crate) async fn a_dropped_claim_on_jobs_loses_none(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    for polls in POLLS {
        let id = a.add_job(sample::job().attempts(2, seconds(0)).build()).await;

        dropped_after(polls, a.acquire_jobs(at(0), 10)).await;
        let mut acquired = Vec::new();
        for _ in 0..LOOKS {
            a.recover(at(30), 10).await;
            acquired = a.acquire_jobs(at(30), 10).await;
            if !acquired.is_empty() {
                break;
            }
        }

        assert_eq!(ids(&acquired), [id], "{polls} polls");
        assert!(acquired[0].attempt <= 2, "{polls} polls: {acquired:?}");
        a.finish(&acquired[0], JobOutcome::Success, at(30)).await;
    }
}

pub(crate) async fn a_dropped_release_of_jobs_is_whole_or_nothing(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    for polls in POLLS {
        a.add_jobs(vec![sample::job().build(), sample::job().build()]).await;
        let jobs = a.acquire_jobs(at(0), 10).await;
        let releases = jobs.iter().map(|job| release_of(job, finished(JobOutcome::Success, at(1))));

        dropped_after(polls, a.release_jobs(releases.collect(), at(1))).await;

        let mut have_ended = Vec::new();
        for _ in 0..LOOKS {
            have_ended.clear();
            for job in &jobs {
                have_ended.push(matches!(a.status(job.id).await, JobStatus::Finished(_)));
            }
            if have_ended[0] == have_ended[1] {
                break;
            }
        }
        assert_eq!(have_ended[0], have_ended[1], "{polls} polls: both or none");
        a.recover(at(30), 10).await;
    }
}

pub(crate) async fn a_dropped_batch_of_jobs_is_added_whole_or_not_at_all(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    for polls in POLLS {
        let jobs: Vec<_> = (0..20).map(|_| sample::job().build()).collect();
        let stored = jobs.iter().map(|job| Job { payload: a.stored(job.payload.clone()), ..job.clone() });

        dropped_after(polls, a.store().add_jobs(stored.collect(), EventInterest::ALL)).await;

        let there = a.job_ids().await;
        let added = jobs.iter().filter(|job| there.contains(&job.id)).count();
        assert!(added == 0 || added == 20, "{polls} polls: {added} of 20");
    }
}
