//! Lists of what is stored once and named by its place from then on.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use serde::de::Error;

/// Values in the order in which they are met first, each once.
pub(super) struct Listed<'v, T> {
    all: Vec<&'v T>,
    places: BTreeMap<&'v T, u32>,
}

/// How many are looked through for the very same value before it is looked up: what was read once is shared.
const NEAR: usize = 32;

impl<T> Default for Listed<'_, T> {
    fn default() -> Self {
        Self { all: Vec::new(), places: BTreeMap::new() }
    }
}

impl<'v, T: Ord> Listed<'v, T> {
    /// The place of a value.
    pub(super) fn place(&mut self, value: &'v T) -> u32 {
        let near = self.all.iter().take(NEAR).position(|known| core::ptr::eq(*known, value));
        let place = near.map_or_else(|| self.places.get(value).copied(), |place| u32::try_from(place).ok());
        place.unwrap_or_else(|| {
            let next = u32::try_from(self.all.len()).unwrap_or(u32::MAX);
            self.all.push(value);
            self.places.insert(value, next);
            next
        })
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
