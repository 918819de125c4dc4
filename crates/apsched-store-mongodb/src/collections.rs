//! The collections of a store, and how they are read and written.
//!
//! | collection | one document for each |
//! |---|---|
//! | `tasks` | task that is declared or has been locked |
//! | `schedules` | schedule |
//! | `jobs` | queued or running job, and each that cannot be read |
//! | `job_results` | kept result of a job |
//! | `meta` | version of the schema, lock of its migration, greatest token of a removed schedule |
//!
//! Everything goes to the primary and counts when a majority of the nodes has it, whatever the URL says: who was told that a job
//! is acquired must not learn after an election that it is not.

use mongodb::bson::RawDocumentBuf;
use mongodb::options::{DatabaseOptions, ReadConcern, ReadPreference, SelectionCriteria, WriteConcern};
use mongodb::{Client, Collection, Database};

/// A collection whose documents are decoded one by one, so that one that cannot be harms itself alone.
pub(crate) type Raw = Collection<RawDocumentBuf>;

#[derive(Clone, Debug)]
pub(crate) struct Collections {
    pub(crate) database: Database,
    pub(crate) tasks: Raw,
    pub(crate) schedules: Raw,
    pub(crate) jobs: Raw,
    pub(crate) results: Raw,
    pub(crate) meta: Raw,
}

impl Collections {
    /// The collections of this prefix; both names are checked.
    pub(crate) fn new(client: &Client, database: &str, prefix: &str) -> Self {
        let options = DatabaseOptions::builder()
            .selection_criteria(SelectionCriteria::ReadPreference(ReadPreference::Primary))
            .read_concern(ReadConcern::majority())
            .write_concern(WriteConcern::majority())
            .build();
        let database = client.database_with_options(database, options);
        let collection = |name: &str| database.collection(&format!("{prefix}{name}"));
        Self {
            tasks: collection("tasks"),
            schedules: collection("schedules"),
            jobs: collection("jobs"),
            results: collection("job_results"),
            meta: collection("meta"),
            database,
        }
    }
}
