//! What is done in parts that stand for themselves: whether the error of one is told, or what was done before it.

use apsched_core::event::Event;

use crate::error::Outcome;

/// Does the next part, and adds what it caused.
///
/// What was done before is told, whatever becomes of the next: nobody would be told of it later. What is not done now is done by who
/// recovers, or cleans up, the next time.
pub(super) async fn next_part(
    mut events: Vec<Event>,
    next: impl Future<Output = Outcome<Vec<Event>>>,
) -> Outcome<Vec<Event>> {
    match next.await {
        Ok(more) => events.extend(more),
        Err(problem) if events.is_empty() => return Err(problem),
        Err(problem) => tracing::warn!(?problem, "a part of recovering or cleaning up was not done"),
    }
    Ok(events)
}

#[cfg(test)]
mod tests {
    use std::future::{Ready, ready};

    use apsched_core::StoreError;
    use apsched_core::event::Wakeup;

    use super::*;
    use crate::error::unavailable;

    fn fails() -> Ready<Outcome<Vec<Event>>> {
        ready(Err(unavailable("store.recover", "an election").into()))
    }

    fn causes_one() -> Ready<Outcome<Vec<Event>>> {
        ready(Ok(vec![Wakeup::new(None, None).into()]))
    }

    #[tokio::test]
    async fn an_error_is_told_unless_something_was_done_before_it() {
        let nothing =
            next_part(Vec::new(), fails()).await.map_err(|problem| problem.into_store_error("store.recover"));
        let first = next_part(Vec::new(), causes_one()).await.expect("it is done");
        let second = next_part(first.clone(), fails()).await.expect("the first is told");
        let both = next_part(first.clone(), causes_one()).await.expect("both are done");

        assert!(matches!(nothing, Err(StoreError::Unavailable { .. })), "{nothing:?}");
        assert_eq!((second, both.len()), (first, 2));
    }
}
