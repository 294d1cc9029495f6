//! Whose turn it is: the merging of segments goes on beside everything else, but one step at a time,
//! so that equal seeds give equal histories.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// The right to go on: the merging has it for some steps, else everything else has it.
#[derive(Default)]
pub struct Turns {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    is_merging: bool,
    is_mergings_turn: bool,
    steps: u64,
}

impl Turns {
    /// Whether segments are being merged.
    pub fn is_merging(&self) -> bool {
        self.state().is_merging
    }

    /// Says that merging will begin.
    pub fn announce(&self) {
        self.state().is_merging = true;
    }

    /// Waits for the first turn of the merging.
    pub fn begin(&self) {
        self.wait_for_turn(self.state());
    }

    /// Says that the merging is over.
    pub fn end(&self) {
        let mut state = self.state();
        (state.is_merging, state.is_mergings_turn) = (false, false);
        self.changed.notify_all();
    }

    /// One step of whoever has the turn; not called with a lock that the other may want.
    pub fn step(&self) {
        let mut state = self.state();
        if !state.is_mergings_turn {
            return;
        }
        match state.steps.checked_sub(1) {
            Some(left) => state.steps = left,
            None => {
                state.is_mergings_turn = false;
                self.changed.notify_all();
                self.wait_for_turn(state);
            }
        }
    }

    /// Lets the merging make `steps` more steps, if it goes on; returns when it made them.
    pub fn give(&self, steps: u64) {
        let mut state = self.state();
        if !state.is_merging {
            return;
        }
        (state.is_mergings_turn, state.steps) = (true, steps);
        self.changed.notify_all();
        while state.is_mergings_turn {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn wait_for_turn(&self, mut state: MutexGuard<'_, State>) {
        while !state.is_mergings_turn {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
