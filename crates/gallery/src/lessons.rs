//! Every lesson, one file each.

use crate::Lesson;

mod averaged_p99;
mod backlog_reset;
mod blocking_pipe;
mod coordinated_omission;
mod dead_stderr;
mod drifting_a_a;
mod dropped_jobs;
mod emfile_spin;
mod exit_with_lock;
mod four_descriptors;
mod half_close;
mod lifo_queue;
mod lost_wakeup;
mod n_connections;
mod no_backpressure;
mod one_bad_client;
mod quit_in_payload;
mod reuseaddr_after_bind;
mod signal_handler;
mod slowloris;
mod thundering_herd;
mod timeout_in_queue;
mod wait_without_predicate;

/// Every lesson, in the order of the book.
pub const ALL: [&Lesson; 23] = [
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
    &signal_handler::LESSON,
    &one_bad_client::LESSON,
    &thundering_herd::LESSON,
    &lost_wakeup::LESSON,
    &slowloris::LESSON,
    &coordinated_omission::LESSON,
    &backlog_reset::LESSON,
    &dead_stderr::LESSON,
    &averaged_p99::LESSON,
    &drifting_a_a::LESSON,
];

/// The lesson that is called `name`.
#[must_use]
pub fn find(name: &str) -> Option<&'static Lesson> {
    ALL.into_iter().find(|lesson| lesson.name == name)
}
