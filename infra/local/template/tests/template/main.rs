//! A whole template, each intrinsic, and each refusal.

#[cfg(test)]
mod buckets;
#[cfg(test)]
mod intrinsics;
#[cfg(test)]
mod parameters;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod shop;
#[cfg(test)]
mod streams;
#[cfg(test)]
mod support;
