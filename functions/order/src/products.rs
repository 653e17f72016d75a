//! `GET /api/products`: the products on sale.

use serde::Serialize;
use shared::{
    api::{ApiError, response},
    runtime::{Body, Response},
    store::Product,
    types::{Fen, ProductId},
};

use crate::OrderFunction;

#[derive(Serialize)]
struct ProductsAnswer {
    products: Vec<ProductView>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ProductView {
    product_id: ProductId,
    name: String,
    /// Fen.
    price: Fen,
    /// Absent if the product has no limit of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_per_order: Option<u32>,
}

impl From<Product> for ProductView {
    fn from(product: Product) -> Self {
        Self {
            product_id: product.product_id,
            name: product.name,
            price: product.price,
            max_per_order: product.max_per_order,
        }
    }
}

impl OrderFunction {
    pub(crate) async fn list_products(&self) -> Result<Response<Body>, ApiError> {
        let products = self.products.list_on_sale().await?;
        Ok(response::success(&ProductsAnswer {
            products: products.into_iter().map(ProductView::from).collect(),
        }))
    }
}
