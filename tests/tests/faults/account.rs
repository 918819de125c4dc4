//! What became of jobs: what their handlers wrote, beside what the store says of them.

use std::collections::{BTreeMap, BTreeSet};

use apsched::id::JobId;
use apsched::job::{JobOutcome, JobStatus};
use apsched::serializer::Serializers;
use apsched_tests::{Claim, Entry, HandlerEnd, TaskOptions};

use super::client::Client;
use super::record::Story;
use super::verdict::Verdict;

/// What was written down of one job.
#[derive(Debug, Default)]
struct Account {
    /// The store has said that it has the job.
    is_added: bool,
    task: Option<String>,
    /// Tokens of the claims on it.
    claims: BTreeSet<u64>,
    /// Tokens of the claims under which its handler began, and how often.
    starts: BTreeMap<u64, usize>,
    /// Tokens of the claims under which its handler came to its end.
    finishes: BTreeSet<u64>,
    /// Ends that the store has refused.
    refused: usize,
}

fn accounts(story: &Story) -> BTreeMap<JobId, Account> {
    let mut accounts: BTreeMap<JobId, Account> = BTreeMap::new();
    for (_, line) in story.all_lines() {
        if let Entry::Added(jobs) = &line.1 {
            jobs.iter().for_each(|job| accounts.entry(*job).or_default().is_added = true);
        }
        let Some(job) = line.1.job() else { continue };
        let account = accounts.entry(job).or_default();
        match &line.1 {
            Entry::Acquired(_, token) => drop(account.claims.insert(*token)),
            Entry::Started { token, task, .. } => {
                account.task = Some(task.clone());
                *account.starts.entry(*token).or_default() += 1;
            }
            Entry::Finished(_, token) => drop(account.finishes.insert(*token)),
            Entry::RefusedJob(_) => account.refused += 1,
            _ => {}
        }
    }
    accounts
}

/// Judges the jobs of these tasks when all have ended.
///
/// Each that was added has an outcome; a handler that may begin once began once at most; a result is that of the last claim.
pub(crate) async fn judge(client: &Client, tasks: &[TaskOptions], verdict: &mut Verdict) {
    let mut accounts = accounts(verdict.story());
    // A plan that was not written is no job.
    accounts.retain(|_, account| account.is_added || !account.claims.is_empty());
    let statuses = client.statuses(accounts.keys().copied()).await;
    let (mut lost, mut doubled, mut stale, mut wrong) = (vec![], vec![], vec![], vec![]);
    let (mut successes, mut errors, mut abandoned, mut starts, mut refused) = (0, 0, 0, 0, 0);
    for (job, account) in &accounts {
        let tell = |what: &str| format!("{what}: {account:?}\n{}", verdict.story().told_of(*job));
        starts += account.starts.values().sum::<usize>();
        refused += account.refused;
        let task = tasks.iter().find(|task| Some(&task.name) == account.task.as_ref());
        if account.starts.values().any(|starts| *starts > 1) {
            doubled.push(tell("a claim has started the job twice"));
        }
        if task.is_some_and(|task| account.starts.len() > task.attempts as usize) {
            doubled.push(tell("more starts than attempts"));
        }
        let ends = |end| task.is_some_and(|task| task.end == end);
        let result = match &statuses[job] {
            JobStatus::Finished(result) => result,
            other => {
                lost.push(tell(&format!("no outcome, but {other:?}")));
                continue;
            }
        };
        match result.outcome {
            JobOutcome::Error if ends(HandlerEnd::Panics) => errors += 1,
            JobOutcome::Success => {
                successes += 1;
                let value = result.value.clone().expect("a result that is kept has its value");
                let claim: Claim =
                    value.into_value(&Serializers::default()).expect("what the handler returned");
                if account.claims.last().is_some_and(|last| *last != claim.token) {
                    stale.push(tell(&format!("the result is of {claim:?}")));
                }
                if !account.finishes.contains(&claim.token) {
                    wrong.push(tell(&format!("no handler has returned {claim:?}")));
                }
            }
            JobOutcome::Abandoned => {
                abandoned += 1;
                if task.is_some_and(|task| result.attempt < task.attempts) {
                    wrong.push(tell("abandoned with attempts left"));
                }
            }
            // By a schedule that replaces its earlier jobs.
            JobOutcome::Cancelled if !account.is_added => {}
            outcome => wrong.push(tell(outcome.as_str())),
        }
    }
    verdict.count("jobs", accounts.len());
    verdict.count("starts", starts);
    verdict.count("successes", successes);
    verdict.count("errors", errors);
    verdict.count("abandoned", abandoned);
    verdict.count("refused ends", refused);
    verdict.none_of("lost jobs", lost);
    verdict.none_of("doubled jobs", doubled);
    verdict.none_of("stale", stale);
    verdict.none_of("wrong outcomes", wrong);
}
