//! The standard library's mutex and condition variable, or loom's, which the
//! model checker can make take turns in every order.

#[cfg(loom)]
pub(crate) use loom::sync::{Condvar, Mutex, MutexGuard};
use std::sync::PoisonError;
#[cfg(not(loom))]
pub(crate) use std::sync::{Condvar, Mutex, MutexGuard};

/// Locks. No job runs while the lock is held, so a panic leaves the queue whole.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sleeps while `condition` holds. A wakeup tells only that it is worth
/// looking: the condition decides. (loom has no `wait_while`.)
pub(crate) fn wait<'a, T>(
    changed: &Condvar,
    mut guard: MutexGuard<'a, T>,
    condition: impl Fn(&T) -> bool,
) -> MutexGuard<'a, T> {
    while condition(&guard) {
        guard = changed.wait(guard).unwrap_or_else(PoisonError::into_inner);
    }
    guard
}
