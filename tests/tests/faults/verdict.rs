//! What a test found: figures, and what was not as it has to be.

use std::fmt;

use super::record::Story;

/// Figures and breaches of one run.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    figures: Vec<(&'static str, usize)>,
    breaches: Vec<String>,
    story: Story,
}

impl Verdict {
    /// Nothing yet, of what these workers wrote.
    pub(crate) fn of(story: Story) -> Self {
        Self { story, ..Self::default() }
    }

    /// What the workers wrote.
    pub(crate) const fn story(&self) -> &Story {
        &self.story
    }

    /// Something that was counted.
    pub(crate) fn count(&mut self, what: &'static str, count: usize) {
        self.figures.push((what, count));
    }

    /// Something of which there must be none: it is counted, and told.
    pub(crate) fn none_of(&mut self, what: &'static str, found: Vec<String>) {
        self.count(what, found.len());
        self.breaches.extend(found.into_iter().map(|found| format!("{what}: {found}")));
    }

    /// What was not as it has to be, the first of it. `None`: nothing.
    pub(crate) fn breach(&self) -> Option<String> {
        let most = 5;
        let (count, first) = (self.breaches.len(), self.breaches.iter().take(most));
        let first = first.cloned().collect::<Vec<_>>().join("\n");
        (count > 0).then(|| {
            format!("{count} breaches, the first of them:\n{first}\nthe ledgers are in {}", self.story.save())
        })
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (what, count)) in self.figures.iter().enumerate() {
            write!(f, "{}{what} {count}", if index == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}
