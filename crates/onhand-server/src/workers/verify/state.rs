//! What is known of the continuous proof in this process, for whoever shows or counts it: metrics,
//! pages, alerts. Read it freely; only who proves writes it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use onhand_core::Timestamp;
use onhand_core::schedules::{Broken, Progress, Proof, Round, Schedule};

/// A handle on it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Verification(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    is_on: bool,
    proof: Mutex<Proof>,
    /// Whether that is newer than what is remembered.
    is_going: AtomicBool,
    slices: AtomicU64,
    micros: AtomicU64,
}

/// The proof as it is known here. What another process does is seen with some seconds' delay.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// Whether this process takes part in it.
    pub is_on: bool,
    /// Whether this process goes through a round now.
    pub is_going: bool,
    /// When the open round began; none is on when absent.
    pub began_at: Option<Timestamp>,
    /// How far that is.
    pub open: Option<Progress>,
    /// The last round that has ended.
    pub last: Option<Round>,
    /// Slices that this process has looked at.
    pub slices: u64,
    /// How long this process has worked at it.
    pub worked: Duration,
}

impl Seen {
    /// What is broken as far as is known: what the open round has found, and what the last one had.
    pub fn broken(&self) -> impl Iterator<Item = &Broken> {
        let open = self.open.iter().flat_map(|open| &open.broken);
        let last = self.last.iter().flat_map(|last| &last.progress.broken);
        open.chain(last)
    }

    /// Whether everything that was looked at is as it should be; nothing before the first round has
    /// ended.
    pub fn is_clean(&self) -> Option<bool> {
        let is_clean = self.broken().next().is_none();
        (!is_clean || self.last.is_some()).then_some(is_clean)
    }
}

impl Verification {
    /// Nothing is known yet.
    pub fn new(is_on: bool) -> Self {
        let (slices, micros) = (AtomicU64::new(0), AtomicU64::new(0));
        let is_going = AtomicBool::new(false);
        Self(Arc::new(Inner { is_on, proof: Mutex::default(), is_going, slices, micros }))
    }

    /// What is known.
    pub fn state(&self) -> Seen {
        let proof = self.0.proof.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Seen {
            is_on: self.0.is_on,
            is_going: self.0.is_going.load(Ordering::Relaxed),
            began_at: proof.began_at.filter(|_| proof.open.is_some()),
            open: proof.open,
            last: proof.last,
            slices: self.0.slices.load(Ordering::Relaxed),
            worked: Duration::from_micros(self.0.micros.load(Ordering::Relaxed)),
        }
    }

    /// Takes in what is remembered.
    pub fn see(&self, schedule: Option<&Schedule>) {
        let proof = schedule.and_then(|schedule| schedule.proof.as_deref().cloned());
        *self.0.proof.lock().unwrap_or_else(PoisonError::into_inner) = proof.unwrap_or_default();
        self.0.is_going.store(false, Ordering::Relaxed);
    }

    /// Takes in how far the round is that this process goes through.
    pub(super) fn go(&self, progress: &Progress) {
        let mut proof = self.0.proof.lock().unwrap_or_else(PoisonError::into_inner);
        proof.open = Some(progress.clone());
        self.0.is_going.store(true, Ordering::Relaxed);
    }

    /// Counts a slice.
    pub(super) fn worked(&self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.0.micros.fetch_add(micros, Ordering::Relaxed);
        self.0.slices.fetch_add(1, Ordering::Relaxed);
    }
}
