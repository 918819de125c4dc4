//! A caller that stops waiting.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

/// Polls a call so many times, each time when it is woken, then drops it. Its value, if it was done before; with 0 it is not begun.
///
/// What a caller that stops waiting leaves behind depends on how far the call has come: so a test lets it come a poll further each
/// time, until it is done.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use apsched_testkit::fault::dropped_after;
///
/// let call = || async {
///     tokio::task::yield_now().await;
///     "done"
/// };
/// assert_eq!(dropped_after(1, call()).await, None);
/// assert_eq!(dropped_after(2, call()).await, Some("done"));
/// # }
/// ```
pub async fn dropped_after<T>(polls: usize, call: impl Future<Output = T>) -> Option<T> {
    let mut call = pin!(call);
    let mut polled = 0;
    poll_fn(|context| {
        if polled == polls {
            return Poll::Ready(None);
        }
        polled += 1;
        match call.as_mut().poll(context) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            // Nobody would wake it after its last poll.
            Poll::Pending if polled == polls => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}
