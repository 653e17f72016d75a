//! The values of the intrinsics `Ref`, `Fn::GetAtt`, `Fn::Sub`, `Fn::Join`, `Fn::Split` and `Fn::If`, and the sections
//! `Conditions` and `Rules`.

pub(crate) mod condition;
pub(crate) mod physical;
pub(crate) mod rule;
pub(crate) mod scope;
mod substitute;
