//! What is still to come, earliest first; equal times in the order they were put in.

use smarketing_kernel::time::Timestamp;
use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

/// A queue by time.
#[derive(Debug)]
pub(super) struct Queue<T> {
    heap: BinaryHeap<Reverse<Due<T>>>,
    turns: u64,
}

#[derive(Debug)]
struct Due<T> {
    at: Timestamp,
    turn: u64,
    what: T,
}

impl<T> Queue<T> {
    pub(super) fn new() -> Self {
        Self { heap: BinaryHeap::new(), turns: 0 }
    }

    pub(super) fn push(&mut self, at: Timestamp, what: T) {
        self.turns += 1;
        self.heap.push(Reverse(Due { at, turn: self.turns, what }));
    }

    pub(super) fn next_at(&self) -> Option<Timestamp> {
        self.heap.peek().map(|Reverse(due)| due.at)
    }

    pub(super) fn pop(&mut self) -> Option<(Timestamp, T)> {
        self.heap.pop().map(|Reverse(due)| (due.at, due.what))
    }

    pub(super) fn len(&self) -> usize {
        self.heap.len()
    }
}

impl<T> Ord for Due<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.turn).cmp(&(other.at, other.turn))
    }
}

impl<T> PartialOrd for Due<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> PartialEq for Due<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<T> Eq for Due<T> {}
