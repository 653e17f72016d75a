//! `/api/admin/products`: an operator lists, reads and saves the products of the catalogue, and counts goods that come or go. API
//! Gateway has authenticated the operator, and each change keeps who made it and when.

mod list;
mod save;
mod stock;
mod view;

use shared::{
    api::{ApiError, Code, request},
    host::{Host, HostError},
    runtime::{Body, Function, Request, Response},
    store::Products,
    types::ProductId,
};

/// Answers operators' requests about products.
pub struct ProductsFunction {
    products: Products,
}

impl Function for ProductsFunction {
    const NAME: &'static str = "products";

    async fn init(host: &Host) -> Result<Self, HostError> {
        Ok(Self { products: Products::new(host)? })
    }

    async fn handle(&self, request: Request) -> Result<Response<Body>, ApiError> {
        match request::route(&request) {
            "GET /api/admin/products" => self.list_products(&request).await,
            "GET /api/admin/products/{productId}" => self.read_product(&request).await,
            "PUT /api/admin/products/{productId}" => self.save_product(&request).await,
            "POST /api/admin/products/{productId}/stock" => self.add_stock(&request).await,
            _ => Err(Code::NotFound.into()),
        }
    }
}

impl ProductsFunction {
    async fn read_product(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        // A malformed id is answered like an unknown one.
        let product_id =
            ProductId::parse(&request::path(request, "productId")?).map_err(|_| Code::NotFound)?;
        Ok(view::answer(self.products.get(&product_id).await?.ok_or(Code::NotFound)?))
    }
}
