//! Which texts name tasks and executors: the rule of the core's ids, told at compile time.

/// Longest name, in bytes.
const MAX_BYTES: usize = 255;

/// What is wrong with a name.
pub(crate) fn check(text: &str) -> Result<(), String> {
    if text.is_empty() || text.len() > MAX_BYTES {
        return Err(format!("expected 1 to {MAX_BYTES} bytes, found {}", text.len()));
    }
    match text.chars().find(|c| c.is_control()) {
        Some(found) => Err(format!("expected printable characters, found {found:?}")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use apsched_core::TaskId;

    use super::*;

    #[test]
    fn a_name_is_what_the_core_takes_for_one() {
        let (longest, too_long) = ("x".repeat(255), "x".repeat(256));
        for text in ["a", "send email", "größe", "", "a\nb", "\u{7f}", &longest, &too_long] {
            assert_eq!(check(text).is_ok(), TaskId::new(text).is_ok(), "{text:?}");
        }
    }
}
