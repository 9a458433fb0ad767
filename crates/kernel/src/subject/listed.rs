//! Lists of what is stored once and named by its place from then on.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use serde::de::Error;

/// Values in the order in which they are met first, each once.
pub(super) struct Listed<'v, T> {
    all: Vec<&'v T>,
    places: BTreeMap<&'v T, u32>,
    latest: Option<(&'v T, u32)>,
}

impl<T> Default for Listed<'_, T> {
    fn default() -> Self {
        Self { all: Vec::new(), places: BTreeMap::new(), latest: None }
    }
}

impl<'v, T: Ord> Listed<'v, T> {
    /// The place of a value.
    pub(super) fn place(&mut self, value: &'v T) -> u32 {
        // Most are the one before.
        if let Some((_, place)) = self.latest.filter(|(latest, _)| *latest == value) {
            return place;
        }
        let next = u32::try_from(self.all.len()).unwrap_or(u32::MAX);
        let place = *self.places.entry(value).or_insert_with(|| {
            self.all.push(value);
            next
        });
        self.latest = Some((value, place));
        place
    }

    /// All of them, each at its place.
    pub(super) fn all(self) -> Vec<&'v T> {
        self.all
    }
}

/// The value at a place of a list that was read.
pub(super) fn at<T: Clone, E: Error>(list: &[T], place: u32) -> Result<T, E> {
    list.get(place as usize).cloned().ok_or_else(|| E::custom("a place is named that is not in its list"))
}
