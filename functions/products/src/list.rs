//! `GET /api/admin/products?cursor=&shelf=`: the products of a shelf, by their ids.

use serde::Serialize;
use shared::{
    api::{ApiError, request, response},
    runtime::{Body, Request, Response},
    store::Shelf,
    types::ProductId,
};

use crate::{ProductsFunction, view::ProductView};

#[derive(Serialize)]
struct ListAnswer {
    products: Vec<ProductView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<ProductId>,
}

impl ProductsFunction {
    pub(crate) async fn list_products(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        let shelf = request::query(request, "shelf").map_or(Ok(Shelf::Sale), |name| parse_shelf(&name))?;
        let cursor = request::query(request, "cursor").map(|text| ProductId::parse(&text)).transpose();
        let cursor =
            cursor.map_err(|error| ApiError::invalid("cursor", "不是上一页给出的值").with_cause(error))?;
        let page = self.products.list(shelf, cursor.as_ref()).await?;
        let products = page.products.into_iter().map(ProductView::from).collect();
        Ok(response::success(&ListAnswer { products, cursor: page.cursor }))
    }
}

/// The shelf of this name.
pub(crate) fn parse_shelf(name: &str) -> Result<Shelf, ApiError> {
    Shelf::named(name).ok_or_else(|| ApiError::invalid("shelf", "须为 sale 或 off"))
}
