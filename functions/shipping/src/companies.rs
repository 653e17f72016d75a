//! `GET /api/admin/express-companies`: the courier companies that WeChat knows, kept for a day.

use std::sync::Arc;

use serde::Serialize;
use shared::{
    api::{ApiError, response},
    runtime::{Body, Response},
    wechat::shipping::ExpressCompany,
};

use crate::ShippingFunction;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CompaniesAnswer<'a> {
    express_companies: Vec<CompanyView<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CompanyView<'a> {
    delivery_id: &'a str,
    delivery_name: &'a str,
}

impl<'a> From<&'a ExpressCompany> for CompanyView<'a> {
    fn from(company: &'a ExpressCompany) -> Self {
        Self { delivery_id: &company.delivery_id, delivery_name: &company.name }
    }
}

impl ShippingFunction {
    pub(crate) async fn list_companies(&self) -> Result<Response<Body>, ApiError> {
        let now = self.host.now();
        let companies = match self.companies.get(now) {
            Some(known) => known,
            None => {
                let companies = Arc::new(self.wechat.list_companies().await?);
                self.companies.keep(Arc::clone(&companies), now);
                companies
            }
        };
        let express_companies = companies.iter().map(CompanyView::from).collect();
        Ok(response::success(&CompaniesAnswer { express_companies }))
    }
}
