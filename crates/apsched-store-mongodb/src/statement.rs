//! What the driver has no method for: one statement that changes many documents, each in its own way; and reading all of a
//! cursor without decoding it.

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
    let statement =
        |(filter, update)| Bson::from(doc! {"q": filter, "u": update, "multi": true, "hint": INDEX_OF_IDS});
    let mut updates = updates.into_iter().map(statement);
    let mut changed = 0;
    loop {
        let statements: Vec<Bson> = updates.by_ref().take(MOST_AT_ONCE).collect();
        if statements.is_empty() {
            return Ok(changed);
        }
        let command = doc! {"update": collection.name(), "updates": statements};
        let answer = collections.database.run_command(command).session(&mut *session).await?;
        refuse_write_errors(&answer)?;
        changed += number(&answer, "n");
    }
}

fn number(answer: &Document, key: &str) -> usize {
    let number = answer.get(key).and_then(|value| value.as_i64().or(value.as_i32().map(i64::from)));
    number.and_then(|number| usize::try_from(number).ok()).unwrap_or(0)
}

/// A statement can be answered with success though a document of it could not be changed.
fn refuse_write_errors(answer: &Document) -> Outcome<()> {
    let Ok(errors) = answer.get_array("writeErrors") else { return Ok(()) };
    let Some(first) = errors.first().and_then(Bson::as_document) else { return Ok(()) };
    match mongodb::bson::deserialize_from_document(first.clone()) {
        Ok(error) => Err(Error::from(ErrorKind::Write(WriteFailure::WriteError(error))).into()),
        Err(_) => Err(failed("update documents", format!("the server says: {first}")).into()),
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
