//! The buffers that all lines of a ring receive into.

use std::{
    cell::UnsafeCell,
    io,
    sync::atomic::{AtomicU16, Ordering::Release},
};

use io_uring::{IoUring, types::BufRingEntry};
use server::READ_BYTES;

use super::READ_LENGTH;

/// Buffers that the kernel receives into, whoever the bytes are for: an idle line
/// holds none.
pub(super) struct Pool {
    /// The ring of those that the kernel may take.
    free: Box<Page>,
    /// One behind the other, and written by the kernel at any time: no reference
    /// is made to what it has. It is not moved.
    buffers: Vec<u8>,
    /// Buffers given to the kernel so far, modulo 2^16.
    tail: u16,
}

#[repr(C, align(4096))]
struct Page(UnsafeCell<[u8; 4096]>);

impl Pool {
    pub(super) const GROUP: u16 = 0;
    /// A power of two; their ring fits into a page.
    const BUFFERS: u16 = 64;

    pub(super) fn new(uring: &IoUring) -> io::Result<Self> {
        let free = Box::new(Page(UnsafeCell::new([0; 4096])));
        // Zeroes would take memory only as they are written over: then the first
        // connections would seem to cost what the pool does.
        let buffers = vec![u8::MAX; usize::from(Self::BUFFERS) * READ_BYTES];
        let mut pool = Self { free, buffers, tail: 0 };
        let ring = pool.ring() as u64;
        // SAFETY: the ring of entries is page-aligned, as long as is said, and
        // lives as long as the pool, which `Ring` drops after `uring`.
        unsafe {
            let submitter = uring.submitter();
            submitter.register_buf_ring_with_flags(ring, Self::BUFFERS, Self::GROUP, 0)?;
        }
        (0..Self::BUFFERS).for_each(|buffer| pool.provide(buffer));
        Ok(pool)
    }

    fn ring(&self) -> *mut BufRingEntry {
        self.free.0.get().cast()
    }

    /// Where a buffer begins.
    pub(super) fn buffer(&self, buffer: u16) -> *const u8 {
        self.buffers.as_ptr().wrapping_add(usize::from(buffer) * READ_BYTES)
    }

    pub(super) fn holds(buffer: u16, length: usize) -> bool {
        buffer < Self::BUFFERS && length <= READ_BYTES
    }

    /// Gives the kernel a buffer that it does not have.
    pub(super) fn provide(&mut self, buffer: u16) {
        let address =
            self.buffers.as_mut_ptr().wrapping_add(usize::from(buffer) * READ_BYTES) as u64;
        let ring = self.ring();
        let slot = usize::from(self.tail % Self::BUFFERS);
        self.tail = self.tail.wrapping_add(1);
        // SAFETY: the slot is within the page, and the kernel does not
        // look at it before the tail says so: there are as many slots as
        // buffers, so it has taken what was there. The tail lies in a part of
        // the first entry that nobody else writes, and is aligned.
        unsafe {
            let entry = &mut *ring.add(slot);
            entry.set_addr(address);
            entry.set_len(READ_LENGTH);
            entry.set_bid(buffer);
            AtomicU16::from_ptr(BufRingEntry::tail(ring).cast_mut()).store(self.tail, Release);
        }
    }
}
