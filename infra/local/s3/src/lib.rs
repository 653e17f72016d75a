//! S3 on this machine, with the permissions of the deployed bundle.
//!
//! ```text
//! phone ── form ─────────▶ signature, policy ─▶ statements, bucket policy ─▶ files in a folder
//! anyone ─ signed URL ───▶     (s3s)                 (this crate)               (s3s-fs)
//! ```
//!
//! Invariants:
//!
//! - The access key id names the caller, as at the local DynamoDB: a form or URL of a function may do what the function's statements in
//!   the template allow and nothing else. The operator has every permission.
//! - A request without a signature is refused, because no bucket is public.
//! - Every decision stands in the call log of the local DynamoDB, so that tests can compare the permissions that were used with those
//!   that are granted.
//!
//! Three things differ from S3. A form whose policy has a session token must have it as a field, but nobody asks whether the token is
//! valid. A lifecycle deletes nothing. And a form that breaks a condition of its policy is answered with 400 instead of 403.

mod access;
mod error;
mod objects;
mod permissions;
mod server;

pub use error::S3Error;
pub use objects::StoredObject;
pub use server::LocalS3;
