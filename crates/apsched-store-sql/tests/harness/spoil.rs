//! Rows that cannot be decoded, made behind the back of the store.

use apsched_testkit::conformance::store::StoredRow;

/// A script that makes a row one that cannot be decoded.
pub(crate) fn spoiling(row: StoredRow<'_>, job_id: fn(&str) -> String) -> String {
    match row {
        StoredRow::Schedule(id) => {
            format!("UPDATE {{}}schedules SET trigger_definition = 'spoiled' WHERE id = '{id}';")
        }
        StoredRow::Job(id) => {
            let id = job_id(&id.as_uuid().simple().to_string());
            format!("UPDATE {{}}jobs SET settings = 'spoiled' WHERE id = {id};")
        }
    }
}
