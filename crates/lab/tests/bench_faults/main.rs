//! `lab bench` where things go wrong: it is killed, the disk is full, somebody else has
//! the folder, nothing can be measured; and every wrong word that it can be told.

mod ends;
mod full;
mod hostile;
mod lines;
mod rig;
mod words;
