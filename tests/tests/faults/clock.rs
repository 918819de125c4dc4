//! Guarantee 1 once more: with processes whose clocks are wrong. They agree by the clock of the server.

use apsched_tests::{Errand, Moment};

use super::account;
use super::chaos::Chaos;
use super::client::Client;
use super::fire_times;
use super::fleet::Fleet;
use super::site::Ground;
use super::verdict::Verdict;

/// How far the clocks are ahead: one half a minute, many leases long, another as far behind.
const AHEAD_MILLIS: [i64; 5] = [30_000, -30_000, 0, 0, 0];

pub(crate) async fn wrong_clocks_among_right_ones_change_nothing(ground: Ground, seed: u64) -> Verdict {
    let (mut fleet, client) = (Fleet::new(), Client::of(&ground).await);
    for clock_ahead_millis in AHEAD_MILLIS {
        let tasks = fire_times::tasks();
        fleet.start(Errand { clock_ahead_millis, tasks, ..Errand::at(&ground.url, &ground.prefix) });
    }
    fleet.wait_until_up().await;
    let mut chaos = Chaos::kills(seed, 400).with_freezes(30);
    let lasting = super::load_time();
    let expected = fire_times::add_schedules(&client, &mut chaos.random, 80, lasting).await;
    let over_at = Moment::now() + lasting;
    chaos.rage(&mut fleet, 4, |_| Moment::now() >= over_at).await;
    fire_times::until_all_fired(&client).await;
    let (kills, freezes) = (fleet.kills, fleet.freezes);
    let mut verdict = Verdict::of(fleet.end().await);
    let idle = idle_workers(&verdict);
    fire_times::judge(&client, &expected, &mut verdict).await;
    account::judge(&client, &fire_times::tasks(), &mut verdict).await;
    verdict.none_of("wrong clocks that ran no job", idle);
    verdict.count("kills", kills);
    verdict.count("freezes", freezes);
    verdict
}

/// Workers that did nothing though they had time: they take the time of the server, so each has its share.
fn idle_workers(verdict: &Verdict) -> Vec<String> {
    let works = |name: &str| {
        let runs = verdict.story().runs.iter().filter(|run| run.worker == name);
        runs.flat_map(|run| run.entries()).any(|entry| matches!(entry, apsched_tests::Entry::Started { .. }))
    };
    ["worker-0", "worker-1"].into_iter().filter(|name| !works(name)).map(str::to_owned).collect()
}
