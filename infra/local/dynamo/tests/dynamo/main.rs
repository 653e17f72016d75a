//! The endpoint over its wire: signatures, permissions, records, faults, secrets, streams and the file.

#[cfg(test)]
mod data;
#[cfg(test)]
mod events;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod permissions;
#[cfg(test)]
mod records;
#[cfg(test)]
mod sdk;
#[cfg(test)]
mod secrets;
#[cfg(test)]
mod signatures;
#[cfg(test)]
mod storm;
#[cfg(test)]
mod streams;
#[cfg(test)]
mod support;
