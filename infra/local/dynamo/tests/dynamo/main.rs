//! Tests of the endpoint over HTTP.

#[cfg(test)]
mod call_log;
#[cfg(test)]
mod chaos;
#[cfg(test)]
mod data;
#[cfg(test)]
mod event_buses;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod permissions;
#[cfg(test)]
mod sdk;
#[cfg(test)]
mod secrets;
#[cfg(test)]
mod signatures;
#[cfg(test)]
mod streams;
#[cfg(test)]
mod support;
#[cfg(test)]
mod throughput;
