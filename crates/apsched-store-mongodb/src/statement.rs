//! What the driver has no method for: one statement that changes many documents, each in its own way; and reading all of a
//! cursor without decoding it.

use std::time::Duration;

use mongodb::ClientSession;
use mongodb::SessionCursor;
use mongodb::bson::{Bson, Document, RawDocumentBuf, doc};
use mongodb::error::{Error, ErrorKind, WriteFailure};
use mongodb::options::Hint;

use crate::collections::{Collections, Raw};
use crate::error::{Outcome, failed};

/// Most documents that one statement changes; the server takes 100,000, and 48 MB.
const MOST_AT_ONCE: usize = 1_000;

const INDEX_OF_IDS: &str = "_id_";

/// Says that documents are found by their ids, where other conditions are there to be checked and have an index as well.
pub(crate) fn by_id() -> Hint {
    Hint::Name(INDEX_OF_IDS.to_owned())
}

/// Changes documents of a collection, found by their ids, each by a filter and an update of its own, within a transaction. How many there were.
pub(crate) async fn update_each(
    collections: &Collections,
    collection: &Raw,
    updates: Vec<(Document, Document)>,
    session: &mut ClientSession,
) -> Outcome<usize> {
    let mut updates = updates.into_iter().map(update);
    let mut changed = 0;
    loop {
        let statements: Vec<Bson> = updates.by_ref().take(MOST_AT_ONCE).collect();
        if statements.is_empty() {
            return Ok(changed);
        }
        let command = doc! {"update": collection.name(), "updates": statements};
        let answer = collections.database.run_command(command).session(&mut *session).await?;
        changed += affected(&answer)?;
    }
}

fn update((filter, update): (Document, Document)) -> Bson {
    doc! {"q": filter, "u": update, "multi": true, "hint": INDEX_OF_IDS}.into()
}

/// Longest time for which a statement outside of a transaction waits for a document that somebody has locked.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// The same outside of a transaction: each document for itself, so that an error leaves some of them changed.
pub(crate) async fn update_singly(
    collections: &Collections,
    collection: &Raw,
    updates: Vec<(Document, Document)>,
) -> Outcome<usize> {
    let updates: Vec<Bson> = updates.into_iter().map(update).collect();
    write_singly(collections, doc! {"update": collection.name(), "updates": updates}).await
}

/// Deletes documents of a collection, found by their ids, outside of a transaction: each for itself.
pub(crate) async fn delete_singly(
    collections: &Collections,
    collection: &Raw,
    filters: Vec<Document>,
) -> Outcome<usize> {
    let delete = |filter| Bson::from(doc! {"q": filter, "limit": 0, "hint": INDEX_OF_IDS});
    let deletes: Vec<Bson> = filters.into_iter().map(delete).collect();
    write_singly(collections, doc! {"delete": collection.name(), "deletes": deletes}).await
}

async fn write_singly(collections: &Collections, mut command: Document) -> Outcome<usize> {
    // What the collections are set up for does not hold for commands that are put together by hand.
    command.insert("writeConcern", doc! {"w": "majority"});
    command.insert("maxTimeMS", i64::try_from(LONGEST_WAIT.as_millis()).unwrap_or(i64::MAX));
    affected(&collections.database.run_command(command).await?)
}

/// How many documents a statement has changed.
fn affected(answer: &Document) -> Outcome<usize> {
    refuse_write_errors(answer)?;
    Ok(number(answer, "n"))
}

fn number(answer: &Document, key: &str) -> usize {
    let number = answer.get(key).and_then(|value| value.as_i64().or(value.as_i32().map(i64::from)));
    number.and_then(|number| usize::try_from(number).ok()).unwrap_or(0)
}

/// A statement can be answered with success though a document of it could not be changed.
fn refuse_write_errors(answer: &Document) -> Outcome<()> {
    let errors = answer.get_array("writeErrors").ok();
    let Some(first) = errors.and_then(|errors| errors.first()).and_then(Bson::as_document) else {
        return refuse_lack_of_majority(answer);
    };
    match mongodb::bson::deserialize_from_document(first.clone()) {
        Ok(error) => Err(Error::from(ErrorKind::Write(WriteFailure::WriteError(error))).into()),
        Err(_) => Err(failed("update documents", format!("the server says: {first}")).into()),
    }
}

/// What only the primary has may be taken back.
fn refuse_lack_of_majority(answer: &Document) -> Outcome<()> {
    let Ok(error) = answer.get_document("writeConcernError") else { return Ok(()) };
    match mongodb::bson::deserialize_from_document(error.clone()) {
        Ok(error) => Err(Error::from(ErrorKind::Write(WriteFailure::WriteConcernError(error))).into()),
        Err(_) => Err(failed("write documents", format!("the server says: {error}")).into()),
    }
}

/// All documents of a cursor of a transaction.
pub(crate) async fn all(
    mut cursor: SessionCursor<RawDocumentBuf>,
    session: &mut ClientSession,
) -> Outcome<Vec<RawDocumentBuf>> {
    let mut documents = Vec::new();
    while cursor.advance(session).await? {
        documents.push(cursor.current().to_owned());
    }
    Ok(documents)
}
