//! The simulator over real HTTP: a back end's view, a phone's view, and a shop that is notified.

mod access;
mod cards;
mod faults;
mod login;
mod notices;
mod orders;
mod payment;
mod phone_number;
mod session_check;
mod soter;
mod subscribe;
mod tokens;
mod werun;
mod world;
mod wxacode;
