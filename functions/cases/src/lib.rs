//! `/api/admin/cases`: lists and closes cases, which only an operator can decide. API Gateway has authenticated the operator.

mod close;
mod cursor;
mod list;
mod view;

use shared::{
    api::{ApiError, Code, request},
    host::{Host, HostError},
    runtime::{Body, Function, Request, Response},
    store::Cases,
};

/// Lists and closes cases.
pub struct CasesFunction {
    cases: Cases,
}

impl Function for CasesFunction {
    const NAME: &'static str = "cases";

    async fn init(host: &Host) -> Result<Self, HostError> {
        Ok(Self { cases: Cases::new(host)? })
    }

    async fn handle(&self, request: Request) -> Result<Response<Body>, ApiError> {
        match request::route(&request) {
            "GET /api/admin/cases" => self.list_cases(&request).await,
            "POST /api/admin/cases/{caseId}/close" => self.close_case(&request).await,
            _ => Err(Code::NotFound.into()),
        }
    }
}
