//! Does several writes as one, again where another was in the way.
//!
//! A transaction that meets a document which another has written since it began is rolled back at once by the server, as
//! if it had never been; it does not wait. Then all of it is done anew after a short pause, so often and no more. What may
//! be done again is everything here, as nothing of it was kept; a commit whose end is unknown is asked for again, which the
//! server answers as it did the first time.
//!
//! Dropping the future rolls back as well, or leaves the commit to the server.
//!
//! A process that is killed within a transaction leaves it open, with what it wrote locked for others, until the server ends
//! it ([`orphan`](crate::orphan)).

use std::future::Future;

use mongodb::ClientSession;
use mongodb::error::UNKNOWN_TRANSACTION_COMMIT_RESULT;
use mongodb::options::{ReadConcern, ReadPreference, SelectionCriteria, WriteConcern};

use crate::connection::Connection;
use crate::error::{Outcome, Problem};
use crate::pause::pause;

/// What is done within one transaction, as often as it takes.
pub(crate) trait Work: Sync {
    /// What it gives.
    type Done: Send;

    fn run(&self, session: &mut ClientSession) -> impl Future<Output = Outcome<Self::Done>> + Send;
}

/// How often a transaction that loses against others is done anew.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Patience {
    /// About two seconds, for what has to be done.
    Long,
    /// A few times, where there is another way to go on.
    Short,
    /// Not at all, where it has been tried more often already.
    None,
}

impl Patience {
    const fn attempts(self) -> u32 {
        match self {
            Self::Long => 16,
            Self::Short => 3,
            Self::None => 1,
        }
    }
}

/// After so many conflicts in a row it may be a dead one's.
const SUSPICIOUS: u32 = 5;

/// How often a commit is asked for whose end is unknown.
const COMMITS: u32 = 3;

impl Connection {
    /// Does `work` in a transaction.
    pub(crate) async fn transaction<W: Work>(&self, patience: Patience, work: &W) -> Outcome<W::Done> {
        self.transaction_among(0, patience, work).await
    }

    /// Does `work` in a transaction, where others want the same: each pause is so many steps longer.
    pub(crate) async fn transaction_among<W: Work>(
        &self,
        others: u32,
        patience: Patience,
        work: &W,
    ) -> Outcome<W::Done> {
        let mut session = self.client().start_session().await?;
        let mut has_lost_connection = false;
        for attempt in 1.. {
            let problem = match run_once(&mut session, work).await {
                Ok(done) => return Ok(done),
                Err(problem) => problem,
            };
            if problem.is_conflict() && attempt < patience.attempts() {
                if attempt == SUSPICIOUS {
                    self.end_orphans().await;
                }
                pause(attempt + others).await;
            } else if problem.is_lost_connection() && !has_lost_connection {
                // A connection that the pool had kept since before an election or a restart.
                has_lost_connection = true;
            } else {
                return Err(problem);
            }
        }
        unreachable!("the attempts are counted without an end")
    }
}

async fn run_once<W: Work>(session: &mut ClientSession, work: &W) -> Outcome<W::Done> {
    session
        .start_transaction()
        .read_concern(ReadConcern::snapshot())
        .write_concern(WriteConcern::majority())
        .selection_criteria(SelectionCriteria::ReadPreference(ReadPreference::Primary))
        .await?;
    match work.run(session).await {
        Ok(done) => {
            commit(session).await?;
            Ok(done)
        }
        Err(problem) => {
            // Where even this fails the server has ended the transaction already, or will.
            let _ = session.abort_transaction().await;
            Err(problem)
        }
    }
}

async fn commit(session: &mut ClientSession) -> Outcome<()> {
    for attempt in 1.. {
        match session.commit_transaction().await {
            Err(error) if attempt < COMMITS && error.contains_label(UNKNOWN_TRANSACTION_COMMIT_RESULT) => {}
            answer => return answer.map_err(Problem::from),
        }
    }
    unreachable!("the attempts are counted without an end")
}
