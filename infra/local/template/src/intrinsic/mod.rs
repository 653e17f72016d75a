//! Intrinsics: what `Ref`, `Fn::GetAtt`, `Fn::Sub`, `Fn::Join`, `Fn::Split` and `Fn::If` stand for, and
//! the sections `Conditions` and `Rules`.

pub(crate) mod condition;
pub(crate) mod physical;
pub(crate) mod rule;
pub(crate) mod scope;
mod substitute;
