//! Every lesson, one file each.

use crate::Lesson;

mod blocking_pipe;
mod dropped_jobs;
mod emfile_spin;
mod exit_with_lock;
mod four_descriptors;
mod half_close;
mod lifo_queue;
mod n_connections;
mod no_backpressure;
mod quit_in_payload;
mod reuseaddr_after_bind;
mod timeout_in_queue;
mod wait_without_predicate;

/// Every lesson, in the order of the book.
pub const ALL: [&Lesson; 13] = [
    &n_connections::LESSON,
    &lifo_queue::LESSON,
    &timeout_in_queue::LESSON,
    &four_descriptors::LESSON,
    &exit_with_lock::LESSON,
    &wait_without_predicate::LESSON,
    &dropped_jobs::LESSON,
    &half_close::LESSON,
    &no_backpressure::LESSON,
    &emfile_spin::LESSON,
    &quit_in_payload::LESSON,
    &reuseaddr_after_bind::LESSON,
    &blocking_pipe::LESSON,
];

/// The lesson that is called `name`.
#[must_use]
pub fn find(name: &str) -> Option<&'static Lesson> {
    ALL.into_iter().find(|lesson| lesson.name == name)
}
