//! Charts from invented results: what each has, and what a folder of them has.

mod fixture;
mod folder;
mod picture;
