//! When there will be something to do, by the same indexes by which it is given out.

use apsched_core::ScheduleState;
use apsched_core::schedule::missed_at;
use apsched_core::store::{WakeupQuery, Wakeups};
use chrono::{DateTime, Utc};
use futures_util::TryStreamExt;
use mongodb::bson::{Document, RawDocumentBuf, doc};
use mongodb::options::{Hint, ReadConcern};

use crate::collections::Collections;
use crate::connection::Connection;
use crate::document::{as_whole, due_at, number};
use crate::error::Outcome;
use crate::schema::index;
use crate::survey::Survey;

pub(crate) async fn next(connection: &Connection, query: &WakeupQuery) -> Outcome<Wakeups> {
    let collections = connection.collections();
    let (job, free, held, lease, deadline) = futures_util::try_join!(
        first_open(connection, query),
        first_free(connection),
        first_held(connection),
        first_lease_end(collections),
        first_deadline(collections),
    )?;
    let missed = deadline.map(missed_at);
    Ok(Wakeups {
        schedule: free.into_iter().chain(held).min(),
        job,
        lease: lease.into_iter().chain(missed).min(),
    })
}

/// The first time of a job that the caller could acquire then.
async fn first_open(connection: &Connection, query: &WakeupQuery) -> Outcome<Option<DateTime<Utc>>> {
    let mut survey = Survey::take(connection).await?;
    let lanes = survey.known_lanes(&query.abilities);
    let limited = survey.limited_tasks(lanes.iter().map(|lane| &lane.lane.task_id));
    survey.count_running(connection.collections(), &limited).await?;
    let open = lanes.iter().filter(|lane| survey.free_slots(&lane.lane.task_id) > 0);
    Ok(open.map(|lane| lane.first_run_at).min())
}

/// The first end of a lease on a job, task by task: the first of each is found by a jump in the index `running`.
async fn first_lease_end(collections: &Collections) -> Outcome<Option<DateTime<Utc>>> {
    let pipeline = [
        doc! {"$match": {"task_id": {"$gte": ""}, "lease.until": {"$gte": i64::MIN}}},
        doc! {"$sort": {"task_id": 1, "lease.until": 1}},
        doc! {"$group": {"_id": "$task_id", "until": {"$first": "$lease.until"}}},
        doc! {"$set": {"until": as_whole("$until")}},
    ];
    let found = collections.jobs.aggregate(pipeline).read_concern(ReadConcern::local());
    let found: Vec<RawDocumentBuf> = found.with_type::<RawDocumentBuf>().await?.try_collect().await?;
    Ok(found.iter().filter_map(|raw| instant_of(raw, "until")).min())
}

/// The next fire time of the first schedule that nobody holds. Those that somebody holds are few, and passed over.
async fn first_free(connection: &Connection) -> Outcome<Option<DateTime<Utc>>> {
    let free = doc! {
        "state": ScheduleState::Active.as_str(),
        "next_fire_time": {"$gte": i64::MIN},
        "lease.until": {"$exists": false},
        "custom_triggers": {"$nin": connection.strangers().met()},
    };
    let found = connection.collections().schedules.find_one(free).sort(doc! {"next_fire_time": 1});
    let found = found.hint(Hint::Name(index::DUE.to_owned()));
    let found = found.projection(doc! {"at": as_whole("$next_fire_time")});
    let found: Option<RawDocumentBuf> = found.read_concern(ReadConcern::local()).await?;
    Ok(found.and_then(|raw| instant_of(&raw, "at")))
}

/// When the first of the schedules that somebody holds can be acquired by others; the index `leased` has no others.
async fn first_held(connection: &Connection) -> Outcome<Option<DateTime<Utc>>> {
    let active = doc! {
        "state": ScheduleState::Active.as_str(),
        "next_fire_time": {"$gte": i64::MIN},
        "lease.until": {"$gte": i64::MIN},
        "custom_triggers": {"$nin": connection.strangers().met()},
    };
    let claimable_at = doc! {"$max": [as_whole("$next_fire_time"), as_whole("$lease.until")]};
    let pipeline = [
        doc! {"$match": active},
        doc! {"$group": {"_id": Option::<i64>::None, "at": {"$min": claimable_at}}},
    ];
    let schedules = &connection.collections().schedules;
    let found = schedules.aggregate(pipeline).hint(Hint::Name(index::LEASED.to_owned()));
    let found = found.read_concern(ReadConcern::local()).with_type::<RawDocumentBuf>();
    let found = found.await?.try_next().await?;
    Ok(found.and_then(|raw| instant_of(&raw, "at")))
}

/// The first start deadline of a queued job.
async fn first_deadline(collections: &Collections) -> Outcome<Option<DateTime<Utc>>> {
    let queued: Document = doc! {"start_deadline": {"$gte": i64::MIN}, "lane": {"$gte": ""}};
    let found = collections.jobs.find_one(queued).sort(doc! {"start_deadline": 1});
    let found = found.hint(Hint::Name(index::DEADLINES.to_owned()));
    let found = found.projection(doc! {"at": as_whole("$start_deadline")});
    let found: Option<RawDocumentBuf> = found.read_concern(ReadConcern::local()).await?;
    Ok(found.and_then(|raw| instant_of(&raw, "at")))
}

fn instant_of(raw: &RawDocumentBuf, key: &str) -> Option<DateTime<Utc>> {
    due_at(number(raw, key)?)
}
