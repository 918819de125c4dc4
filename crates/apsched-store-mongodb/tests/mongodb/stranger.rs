//! Schedules with custom triggers that this process does not know: left to others, whatever their documents say.

use apsched_core::store::AcquireSchedules;
use apsched_core::{ConflictPolicy, DataStore};
use apsched_testkit::backend::Backend;
use apsched_testkit::report_skipped;
use apsched_testkit::sample::{self, at, seconds};
use mongodb::bson::{Bson, doc};

use crate::database::Database;

fn custom(name: &str) -> String {
    format!(r#"{{"type":"custom","name":"{name}","definition":null}}"#)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_that_hides_its_custom_trigger_does_not_use_up_the_limit() {
    if let Some(why) = Backend::Mongodb.missing() {
        return report_skipped("a_schedule_that_hides_its_custom_trigger_does_not_use_up_the_limit", &why);
    }
    for hidden in [Bson::Null, Bson::from(r#"[ "x" ]"#)] {
        let database = Database::new();
        let store = database.start().await;
        for id in ["hidden", "known"] {
            let schedule = sample::schedule(id).build();
            store.add_schedule(schedule, ConflictPolicy::Error).await.expect("a schedule");
        }
        let spoiled = doc! {"$set": {"custom_triggers": hidden.clone(), "trigger": custom("x")}};
        let schedules = database.collection("schedules").await;
        schedules.update_one(doc! {"_id": "hidden"}, spoiled).await.expect("it can be changed");
        let scheduler_id = sample::scheduler_id("a");
        let request = AcquireSchedules { scheduler_id, now: at(10), lease: seconds(30), limit: 1 };

        let (acquired, events) = store.acquire_schedules(request).await.expect("a schedule");

        let ids: Vec<_> = acquired.iter().map(|acquired| acquired.schedule.id.as_str()).collect();
        assert_eq!((ids, events), (vec!["known"], Vec::new()), "the names are {hidden}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn schedules_of_many_unknown_triggers_do_not_use_up_the_limit() {
    if let Some(why) = Backend::Mongodb.missing() {
        return report_skipped("schedules_of_many_unknown_triggers_do_not_use_up_the_limit", &why);
    }
    let database = Database::new();
    let store = database.start().await;
    let schedules = database.collection("schedules").await;
    for number in 0..12 {
        let id = format!("custom {number}");
        let schedule = sample::schedule(&id).first_at(at(number)).build();
        store.add_schedule(schedule, ConflictPolicy::Error).await.expect("a schedule");
        let name = format!("x{number}");
        let strange = doc! {"custom_triggers": format!(r#"["{name}"]"#), "trigger": custom(&name)};
        schedules.update_one(doc! {"_id": id}, doc! {"$set": strange}).await.expect("it can be changed");
    }
    let known = sample::schedule("known").first_at(at(20)).build();
    store.add_schedule(known, ConflictPolicy::Error).await.expect("a schedule");
    let scheduler_id = sample::scheduler_id("a");
    let request = AcquireSchedules { scheduler_id, now: at(30), lease: seconds(30), limit: 1 };

    let (acquired, _) = store.acquire_schedules(request).await.expect("a schedule");

    assert_eq!(acquired.iter().map(|it| it.schedule.id.as_str()).collect::<Vec<_>>(), ["known"]);
}
