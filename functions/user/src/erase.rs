//! `DELETE /api/user`: the person is erased. Every token is void from then on, and `push-events` removes what the person has left.

use serde::Serialize;
use shared::{
    api::{ApiError, Code, response},
    runtime::{Body, Request, Response},
    store::BeginErasureOutcome,
};

use crate::UserFunction;

#[derive(Serialize)]
struct EraseAnswer {}

impl UserFunction {
    /// A repeated request is answered as the first one: the phone must not take its lost answer for a reason to log in again.
    pub(crate) async fn erase_user(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        let caller = self.sessions.authenticate(request).await?;
        match self.erasures.begin(&caller).await? {
            BeginErasureOutcome::Begun | BeginErasureOutcome::AlreadyErased => {
                Ok(response::success(&EraseAnswer {}))
            }
            BeginErasureOutcome::TokenVoid => Err(Code::Unauthorized.into()),
        }
    }
}
