//! Trying something. What it changes is written down as the way back, so that the price of an
//! attempt is what it did and not what was done before it: a batch of a thousand rows, each tried
//! by itself, does not copy the rows of the others a thousand times.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::fmt;

use super::{Changes, Draft};
use crate::command::{Numbering, Stop};

/// How to take back what was changed since an attempt began; nothing is noted outside of one.
#[derive(Default)]
pub(super) struct Undo {
    attempts: usize,
    steps: Vec<Step>,
}

type Step = Box<dyn FnOnce(&mut Changes)>;

impl fmt::Debug for Undo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Undo({} steps)", self.steps.len())
    }
}

/// Where a decision stood.
struct Mark {
    numbering: Numbering,
    steps: usize,
    movements: usize,
    marks: usize,
    events: usize,
    low: usize,
}

impl Draft<'_> {
    /// Tries something and, when it is refused, forgets all that it did.
    pub(crate) fn attempt<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, Stop>,
    ) -> Result<T, Stop> {
        self.trying(work, Result::is_err)
    }

    /// Does something and forgets all that it did.
    pub(crate) fn rehearse<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, Stop>,
    ) -> Result<T, Stop> {
        self.trying(work, |_| true)
    }

    fn trying<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, Stop>,
        is_forgotten: impl FnOnce(&Result<T, Stop>) -> bool,
    ) -> Result<T, Stop> {
        let mark = Mark {
            numbering: self.numbering,
            steps: self.undo.steps.len(),
            movements: self.movements.len(),
            marks: self.marks.len(),
            events: self.events.len(),
            low: self.low.len(),
        };
        self.undo.attempts += 1;
        let result = work(self);
        self.undo.attempts -= 1;
        if is_forgotten(&result) {
            for step in self.undo.steps.drain(mark.steps..).rev() {
                step(&mut self.changes);
            }
            self.numbering = mark.numbering;
            self.movements.truncate(mark.movements);
            self.marks.truncate(mark.marks);
            self.events.truncate(mark.events);
            self.low.truncate(mark.low);
        }
        if self.undo.attempts == 0 {
            self.undo.steps.clear();
        }
        result
    }

    /// Leaves a row: the one way in which a map of changes is changed.
    pub(super) fn put<K: Ord + Clone + 'static, V: 'static>(
        &mut self,
        map: fn(&mut Changes) -> &mut BTreeMap<K, V>,
        key: K,
        row: V,
    ) {
        if self.undo.attempts == 0 {
            map(&mut self.changes).insert(key, row);
            return;
        }
        let before = map(&mut self.changes).insert(key.clone(), row);
        self.undo.steps.push(Box::new(move |changes| {
            match before {
                Some(before) => map(changes).insert(key, before),
                None => map(changes).remove(&key),
            };
        }));
    }

    /// Notes how to take back what is changed in another way.
    pub(super) fn note_undo(&mut self, step: impl FnOnce(&mut Changes) + 'static) {
        if self.undo.attempts > 0 {
            self.undo.steps.push(Box::new(step));
        }
    }
}
