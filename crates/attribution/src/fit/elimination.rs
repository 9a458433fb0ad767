//! State elimination: the probability of conversion in an absorbing chain, without subtraction.
//!
//! Solves x = Qx + r, which is (I − Q)x = r, by taking states out one by one: whoever led to a state now leads to its
//! successors, in proportion to their weight. Rows stay unnormalised and positive, loops are dropped rather than
//! subtracted from one, so no digit is lost to cancellation (the method of Grassmann, Taksar and Heyman).

use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::cmp::Ordering;

/// A weighted step to another state.
#[derive(Clone, Copy, Debug)]
struct Step {
    to: u32,
    weight: f64,
}

/// An absorbing chain over numbered states with a start, conversion and null.
pub(super) struct Chain {
    /// Steps of each state by ascending target, none to itself; the last row is the start's.
    rows: Vec<Vec<Step>>,
    /// Weight of each row into null.
    null: Vec<f64>,
    /// Who leads to each state, ascending.
    sources: Vec<Vec<u32>>,
}

impl Chain {
    /// A chain of states 0 to `states` − 1, without steps.
    pub(super) fn new(states: usize) -> Self {
        Self {
            rows: alloc::vec![Vec::new(); states + 1],
            null: alloc::vec![0.0; states + 1],
            sources: alloc::vec![Vec::new(); states],
        }
    }

    /// The number of the start.
    pub(super) fn start(&self) -> u32 {
        self.sources.len() as u32
    }

    /// The number of conversion.
    pub(super) fn conversion(&self) -> u32 {
        self.start() + 1
    }

    /// Adds a step; no target is null. The steps of a row come by ascending target, each target once.
    pub(super) fn add(&mut self, from: u32, to: Option<u32>, weight: f64) {
        if weight <= 0.0 {
            return;
        }
        let Some(to) = to else {
            self.null[from as usize] += weight;
            return;
        };
        self.rows[from as usize].push(Step { to, weight });
        self.link(from, to);
    }

    /// P(conversion from start).
    pub(super) fn conversion_probability(mut self) -> f64 {
        let states = 0..self.start();
        let mut queue: BTreeSet<_> = states.map(|state| (self.cost(state), state)).collect();
        let mut merged = Vec::new();
        while let Some((_, state)) = queue.pop_first() {
            self.eliminate(state, &mut queue, &mut merged);
        }
        let start = self.start() as usize;
        let won = weight_of(&self.rows[start]);
        let all = won + self.null[start];
        if all > 0.0 { won / all } else { 0.0 }
    }

    /// What taking a state out costs: the steps it may create. Cheapest first keeps the chain sparse.
    fn cost(&self, state: u32) -> usize {
        self.sources[state as usize].len() * self.rows[state as usize].len()
    }

    /// Takes a state out; `queue` holds the states left by cost, `merged` is scratch.
    fn eliminate(&mut self, state: u32, queue: &mut BTreeSet<(usize, u32)>, merged: &mut Vec<Step>) {
        let row = core::mem::take(&mut self.rows[state as usize]);
        let sources = core::mem::take(&mut self.sources[state as usize]);
        let null = self.null[state as usize];
        let out = weight_of(&row) + null;
        let targets = row.iter().map(|step| step.to);
        let neighbours: BTreeSet<u32> =
            targets.chain(sources.iter().copied()).filter(|neighbour| *neighbour < self.start()).collect();
        for neighbour in &neighbours {
            queue.remove(&(self.cost(*neighbour), *neighbour));
        }
        for step in &row {
            self.unlink(state, step.to);
        }
        for source in sources {
            let through = self.redirect(source, state, &row, out, merged);
            self.null[source as usize] += through * null;
        }
        for neighbour in neighbours {
            queue.insert((self.cost(neighbour), neighbour));
        }
    }

    /// Replaces a source's step to `state` by steps along the state's row; returns what one unit of the row becomes.
    fn redirect(&mut self, source: u32, state: u32, row: &[Step], out: f64, merged: &mut Vec<Step>) -> f64 {
        let own = core::mem::take(&mut self.rows[source as usize]);
        let at = own.binary_search_by_key(&state, |step| step.to);
        let through = at.map_or(0.0, |at| own[at].weight / out);
        merged.clear();
        let mut ahead = own.iter().filter(|step| step.to != state).peekable();
        for step in row.iter().filter(|step| step.to != source) {
            while let Some(kept) = ahead.next_if(|own| own.to < step.to) {
                merged.push(*kept);
            }
            let weight = step.weight * through;
            match ahead.next_if(|own| own.to.cmp(&step.to) == Ordering::Equal) {
                Some(kept) => merged.push(Step { to: step.to, weight: kept.weight + weight }),
                None => {
                    merged.push(Step { to: step.to, weight });
                    self.link(source, step.to);
                }
            }
        }
        merged.extend(ahead);
        self.rows[source as usize] = own;
        core::mem::swap(&mut self.rows[source as usize], merged);
        through
    }

    fn link(&mut self, from: u32, to: u32) {
        if let Some(sources) = self.sources.get_mut(to as usize)
            && let Err(at) = sources.binary_search(&from)
        {
            sources.insert(at, from);
        }
    }

    fn unlink(&mut self, from: u32, to: u32) {
        if let Some(sources) = self.sources.get_mut(to as usize)
            && let Ok(at) = sources.binary_search(&from)
        {
            sources.remove(at);
        }
    }
}

fn weight_of(row: &[Step]) -> f64 {
    row.iter().map(|step| step.weight).sum()
}
