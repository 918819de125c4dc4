//! A minimal queue on MongoDB, which changes many documents at once but gives none of them back: find, then lease what was found
//! and is still free, and if somebody was faster with some of it, find what was won.
//!
//! Everything counts when a majority of the nodes has it, as the server does by itself.

use anyhow::Result;
use async_trait::async_trait;
use futures_util::TryStreamExt;
use mongodb::bson::{Binary, Bson, Document, RawDocumentBuf, doc, rawdoc, spec::BinarySubtype};
use mongodb::options::{Hint, IndexOptions};
use mongodb::{Client, Collection, IndexModel};
use uuid::Uuid;

use super::{CLAIM_BATCH, DUE, HOLDER, LEASED_UNTIL, NOW, QUEUE, RawConnection};
use crate::store::Area;

pub(super) struct MongoDb {
    jobs: Collection<RawDocumentBuf>,
}

pub(super) async fn connect(area: &Area) -> Result<MongoDb> {
    let client = Client::with_uri_str(&area.url).await?;
    Ok(MongoDb { jobs: client.database(&area.name).collection("jobs") })
}

fn binary(bytes: &[u8], subtype: BinarySubtype) -> Binary {
    Binary { subtype, bytes: bytes.to_vec() }
}

fn id(uuid: Uuid) -> Binary {
    binary(uuid.as_bytes(), BinarySubtype::Uuid)
}

fn among(ids: &[Uuid]) -> Document {
    let ids: Vec<Bson> = ids.iter().map(|uuid| id(*uuid).into()).collect();
    doc! {"$in": ids}
}

fn by_id() -> Hint {
    Hint::Name("_id_".to_owned())
}

#[async_trait]
impl RawConnection for MongoDb {
    async fn create(&mut self) -> Result<()> {
        let free = IndexOptions::builder().name("free".to_owned());
        let free = free.partial_filter_expression(doc! {"queue": {"$exists": true}}).build();
        let keys = doc! {"queue": 1, "priority": -1, "run_at": 1, "_id": 1};
        self.jobs.create_index(IndexModel::builder().keys(keys).options(free).build()).await?;
        Ok(())
    }

    async fn insert(&mut self, ids: &[Uuid]) -> Result<()> {
        let payload = binary(&[], BinarySubtype::Generic);
        let document = |uuid: &Uuid| {
            rawdoc! {
                "_id": id(*uuid), "queue": QUEUE, "priority": 0_i64, "run_at": DUE, "payload": payload.clone(),
            }
        };
        self.jobs.insert_many(ids.iter().map(document)).await?;
        Ok(())
    }

    /// A document that is leased is in no queue any more, and so not in the index.
    async fn claim(&mut self) -> Result<Vec<Uuid>> {
        let due = doc! {"queue": QUEUE, "run_at": {"$lte": NOW}};
        let lease =
            doc! {"$set": {"lease_holder": HOLDER, "lease_until": LEASED_UNTIL}, "$unset": {"queue": ""}};
        loop {
            let found = self.jobs.find(due.clone()).sort(doc! {"priority": -1, "run_at": 1, "_id": 1});
            let found: Vec<_> = found.limit(CLAIM_BATCH as i64).await?.try_collect().await?;
            let ids: Vec<Uuid> = found.iter().filter_map(uuid).collect();
            if ids.is_empty() {
                return Ok(ids);
            }
            let claim = Bson::from(Uuid::now_v7().to_string());
            let mut lease = lease.clone();
            lease.get_document_mut("$set")?.insert("claim", claim.clone());
            let free = doc! {"_id": among(&ids), "queue": QUEUE};
            let leased = self.jobs.update_many(free, lease).hint(by_id()).await?.modified_count;
            if leased == ids.len() as u64 {
                return Ok(ids);
            }
            if leased > 0 {
                let won = self.jobs.find(doc! {"_id": among(&ids), "claim": claim});
                let won: Vec<_> = won.await?.try_collect().await?;
                return Ok(won.iter().filter_map(uuid).collect());
            }
        }
    }

    async fn delete(&mut self, ids: &[Uuid]) -> Result<()> {
        self.jobs.delete_many(doc! {"_id": among(ids)}).hint(by_id()).await?;
        Ok(())
    }
}

fn uuid(raw: &RawDocumentBuf) -> Option<Uuid> {
    Uuid::from_slice(raw.get_binary("_id").ok()?.bytes).ok()
}
