//! Intrinsics: what `Ref`, `Fn::GetAtt`, `Fn::Sub`, `Fn::Join` and `Fn::If` stand for, and the section `Conditions`.

pub(crate) mod condition;
mod physical;
pub(crate) mod scope;
mod substitute;
