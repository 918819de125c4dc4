//! Watching a cluster: two schedulers, each a process of its own, share the work of one schedule. This process knows neither
//! their store nor their tasks, and hears of everything that they do through an MQTT server.
//!
//! `MQTT_URL` names the server; without it, `mqtt://127.0.0.1:1883`.
//!
//! cargo run --example mqtt_cluster --features mqtt,sqlite

use std::process::{Command, Stdio};

use apsched::broker::{EventBroker, EventItem};
use apsched::event::{EventInterest, Health};
use apsched::prelude::*;
use tokio::io::AsyncReadExt;

#[apsched::task]
async fn measure() {}

/// Runs until the process that started it closes the line.
async fn work(mqtt: &str, name: &str, database: &str) -> anyhow::Result<()> {
    let scheduler = Scheduler::builder()
        .data_store(SqlDataStore::open(database)?)
        .event_broker(MqttBroker::connect(mqtt)?)
        .task(measure)
        .identity(name)
        .start_in_background()
        .await?;
    // Both add it; there is one of the name.
    let often = IntervalTrigger::every(200.milliseconds());
    scheduler.add_schedule(measure, (), often).id("often").conflict_policy(ConflictPolicy::DoNothing).await?;
    tokio::io::stdin().read_to_end(&mut Vec::new()).await?;
    scheduler.shutdown(1.seconds()).await;
    Ok(())
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mqtt = std::env::var("MQTT_URL").unwrap_or_else(|_| "mqtt://127.0.0.1:1883".to_owned());
    let mut arguments = std::env::args().skip(1);
    if let (Some(name), Some(database)) = (arguments.next(), arguments.next()) {
        return work(&mqtt, &name, &database).await;
    }

    let broker = MqttBroker::connect(&mqtt)?;
    broker.start().await?;
    if let Health::Unhealthy(reason) = broker.health() {
        anyhow::bail!("nothing would be heard: {reason}");
    }
    let mut events = broker.subscribe(EventInterest::ALL);

    let directory = std::env::temp_dir().join(format!("apsched-watched-{}", std::process::id()));
    std::fs::create_dir(&directory)?;
    let database = format!("sqlite:{}?mode=rwc", directory.join("jobs.db").display());
    let this = std::env::current_exe()?;
    let start =
        |name: &str| Command::new(&this).args([name, database.as_str()]).stdin(Stdio::piped()).spawn();
    let mut workers = [start("left")?, start("right")?];

    let mut ended = 0;
    while ended < 10 {
        let next = tokio::time::timeout(20.seconds(), events.next()).await?;
        match next.ok_or_else(|| anyhow::anyhow!("the broker has stopped"))? {
            EventItem::Event(Event::Wakeup(_)) => {} // between schedulers
            EventItem::Event(event) => {
                ended += usize::from(matches!(event, Event::JobReleased(_)));
                println!("{event}");
            }
            EventItem::Lagged(_) => println!("… something may be missing here"),
        }
    }

    for worker in &mut workers {
        drop(worker.stdin.take()); // closes the line
        worker.wait()?;
    }
    broker.stop().await;
    std::fs::remove_dir_all(directory)?;
    Ok(())
}
