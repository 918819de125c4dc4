//! What tests do to rows behind the back of the store, so that they cannot be read.

use apsched_testkit::backend::Backend;
use mongodb::bson::{Document, doc};

use super::database_site::{collection, run_script};
use super::site::Ground;

/// Which rows, and what is wrong with them.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Spoil<'a> {
    /// The settings of jobs of the task `spoiled`, and the trigger of the schedule of that name.
    Named,
    /// The settings of all jobs and the triggers of all schedules; all are due.
    All,
    /// The name of the serializer of queued jobs that were for later; they are due.
    Serializer(&'a str),
}

impl Spoil<'_> {
    /// Does it.
    pub(crate) async fn apply(self, ground: &Ground) {
        match ground.backend {
            Backend::Mongodb => {
                for (name, filter, set) in self.updates() {
                    let updated =
                        collection(ground, name).await.update_many(filter, doc! {"$set": set}).await;
                    updated.expect("documents can be changed");
                }
            }
            _ => run_script(ground, &self.script()).await,
        }
    }

    fn script(self) -> String {
        match self {
            Self::Named => "UPDATE {}jobs SET settings = 'spoiled' WHERE task_id = 'spoiled';
                UPDATE {}schedules SET trigger_definition = 'spoiled' WHERE id = 'spoiled';"
                .to_owned(),
            Self::All => "UPDATE {}jobs SET settings = 'spoiled', run_at = 0;
                UPDATE {}schedules SET trigger_definition = 'spoiled', next_fire_time = 0;"
                .to_owned(),
            Self::Serializer(name) => format!(
                "UPDATE {{}}jobs SET payload_serializer = '{name}', run_at = 0
                WHERE state = 'queued' AND run_at > created_at;"
            ),
        }
    }

    /// The same for collections.
    fn updates(self) -> Vec<(&'static str, Document, Document)> {
        match self {
            Self::Named => vec![
                ("jobs", doc! {"task_id": "spoiled"}, doc! {"settings": "spoiled"}),
                ("schedules", doc! {"_id": "spoiled"}, doc! {"trigger": "spoiled"}),
            ],
            Self::All => vec![
                ("jobs", doc! {}, doc! {"settings": "spoiled", "run_at": 0_i64}),
                ("schedules", doc! {}, doc! {"trigger": "spoiled", "next_fire_time": 0_i64}),
            ],
            Self::Serializer(name) => {
                let is_later = doc! {"$gt": ["$run_at", "$created_at"]};
                let queued = doc! {"lane": {"$exists": true}, "$expr": is_later};
                vec![("jobs", queued, doc! {"payload.serializer": name, "run_at": 0_i64})]
            }
        }
    }
}
