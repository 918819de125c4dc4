//! A database of its own for each test, which is dropped with it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use apsched_core::event::EventInterest;
use apsched_core::store::AcquireJobs;
use apsched_core::trigger::TriggerRegistry;
use apsched_core::{Abilities, DataStore, Job};
use apsched_store_mongodb::{MongoDataStore, MongoOptions};
use apsched_testkit::backend::Backend;
use apsched_testkit::sample::{self, at, executor, seconds, task_id};
use mongodb::bson::{Bson, Document, Uuid, doc};
use mongodb::event::EventHandler;
use mongodb::event::command::CommandEvent;
use mongodb::options::ClientOptions;
use mongodb::{Client, ClientSession, Collection};
use tokio::runtime::Handle;
use tokio::task::block_in_place;

/// Commands that a store sent.
pub(crate) type Commands = Arc<Mutex<Vec<Document>>>;

/// Needs a runtime of more than one thread, for the end.
pub(crate) struct Database {
    pub(crate) name: String,
}

impl Database {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self { name: format!("apsched_test_{}_{number}", std::process::id()) }
    }

    pub(crate) fn options(&self) -> MongoOptions {
        MongoOptions::new().database(&self.name)
    }

    /// A store with a client of its own, as each process has one; not yet started.
    pub(crate) fn open(&self) -> MongoDataStore {
        MongoDataStore::open_with(&Backend::Mongodb.url(), self.options()).expect("the URL of the tests")
    }

    pub(crate) async fn start(&self) -> MongoDataStore {
        let store = self.open();
        store.start(&TriggerRegistry::new()).await.expect("the store starts");
        store
    }

    /// A store that notes the commands of these names when it sends them.
    pub(crate) async fn start_noting(&self, names: &'static [&'static str]) -> (MongoDataStore, Commands) {
        let commands = Commands::default();
        let noted = commands.clone();
        let mut options = ClientOptions::parse(Backend::Mongodb.url()).await.expect("the URL of the tests");
        options.command_event_handler = Some(EventHandler::callback(move |event| {
            if let CommandEvent::Started(event) = event
                && names.contains(&event.command_name.as_str())
            {
                noted.lock().expect("no test panics here").push(event.command);
            }
        }));
        let client = Client::with_options(options).expect("a client");
        let store = MongoDataStore::from_client_with(client, self.options()).expect("a store");
        store.start(&TriggerRegistry::new()).await.expect("the store starts");
        (store, commands)
    }

    /// What the store keeps under `name`, behind its back.
    pub(crate) async fn collection(&self, name: &str) -> Collection<Document> {
        client().await.database(&self.name).collection(&format!("apsched_{name}"))
    }
}

/// Jobs of the tasks `send` and `hash` that a scheduler acquires at once.
pub(crate) async fn acquire(store: &MongoDataStore) -> Vec<Job> {
    let request = AcquireJobs {
        scheduler_id: sample::scheduler_id("a"),
        now: at(0),
        lease: seconds(30),
        limit: 10,
        abilities: Arc::new(Abilities::new(["send", "hash"].map(task_id), [executor("async")])),
        interest: EventInterest::NONE,
    };
    store.acquire_jobs(request).await.expect("no error").0
}

/// A transaction that has locked one document, of a client that calls itself so.
pub(crate) async fn lock(
    database: &Database,
    app_name: &str,
    collection: &str,
    id: impl Into<Bson>,
) -> ClientSession {
    let mut options = ClientOptions::parse(Backend::Mongodb.url()).await.expect("the URL of the tests");
    options.app_name = Some(app_name.to_owned());
    let client = Client::with_options(options).expect("a client");
    let mut session = client.start_session().await.expect("a session");
    session.start_transaction().await.expect("a transaction");
    let documents = client.database(&database.name).collection::<Document>(collection);
    let lock = documents.update_one(doc! {"_id": id}, doc! {"$inc": {"claims": 1}});
    assert_eq!(lock.session(&mut session).await.expect("the lock").matched_count, 1);
    session
}

/// Copies a document so many times, each under an id of its own and changed by its number.
pub(crate) async fn copy(
    collection: &Collection<Document>,
    pattern: Document,
    copies: usize,
    change: impl Fn(usize, &mut Document),
) {
    let copies = (0..copies).map(|number| {
        let mut copy = pattern.clone();
        copy.insert("_id", Uuid::new());
        change(number, &mut copy);
        copy
    });
    let copies: Vec<Document> = copies.collect();
    for batch in copies.chunks(10_000) {
        collection.insert_many(batch).ordered(false).await.expect("the copies are written");
    }
}

pub(crate) async fn client() -> Client {
    Client::with_uri_str(Backend::Mongodb.url()).await.expect("the URL of the tests")
}

impl Drop for Database {
    fn drop(&mut self) {
        if Backend::Mongodb.missing().is_some() {
            return;
        }
        let dropped = async { client().await.database(&self.name).drop().await };
        let dropped = block_in_place(|| Handle::current().block_on(dropped));
        if !std::thread::panicking() {
            dropped.expect("the database of the test is dropped");
        }
    }
}
