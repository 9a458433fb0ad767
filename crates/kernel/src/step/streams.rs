//! The counts of raw streams during a step: a stream has a number, its name is looked up where it changes.

use super::{State, Stream};
use crate::entry::Source;
use crate::text::Text;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

pub(super) struct Streams {
    numbers: BTreeMap<Text, usize>,
    /// By number.
    counts: Vec<Stream>,
    /// The stream that was asked for last: mostly the next one too.
    latest: Option<(Text, usize)>,
}

impl Streams {
    /// Takes the streams of `state` until [`Streams::close`].
    pub(super) fn open(state: &mut State) -> Self {
        let (names, counts): (Vec<Text>, Vec<Stream>) = core::mem::take(&mut state.streams).into_iter().unzip();
        Self { numbers: names.into_iter().zip(0..).collect(), counts, latest: None }
    }

    /// Gives them back.
    pub(super) fn close(self, state: &mut State) {
        let Self { numbers, mut counts, .. } = self;
        let mut count = |number: usize| counts.get_mut(number).map(core::mem::take).unwrap_or_default();
        state.streams = numbers.into_iter().map(|(name, number)| (name, count(number))).collect();
    }

    /// Moves the mark of the record's stream and gives the stream's number; `None` (and a duplicate counted) for a
    /// position that was taken before.
    pub(super) fn advance(&mut self, source: &Source) -> Option<usize> {
        let number = self.number(&source.stream);
        let stream = self.counts.get_mut(number)?;
        if source.position < stream.mark {
            stream.duplicates += 1;
            return None;
        }
        stream.mark = source.position.saturating_add(1);
        Some(number)
    }

    /// Counts an event that its subject has taken in.
    pub(super) fn taken(&mut self, stream: usize, is_new: bool) {
        if let Some(stream) = self.counts.get_mut(stream) {
            *(if is_new { &mut stream.applied } else { &mut stream.duplicates }) += 1;
        }
    }

    /// Counts a record that could not become an event.
    pub(super) fn rejected(&mut self, stream: usize, reason: &Text) {
        if let Some(stream) = self.counts.get_mut(stream) {
            stream.rejected += 1;
            *stream.reasons.entry(reason.clone()).or_default() += 1;
        }
    }

    fn number(&mut self, name: &Text) -> usize {
        if let Some((_, number)) = self.latest.as_ref().filter(|(latest, _)| latest == name) {
            return *number;
        }
        let number = *self.numbers.entry(name.clone()).or_insert(self.counts.len());
        if number == self.counts.len() {
            self.counts.push(Stream::default());
        }
        self.latest = Some((name.clone(), number));
        number
    }
}
