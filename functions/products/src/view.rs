//! A product as operators see it.

use serde::Serialize;
use shared::{
    api::response,
    runtime::{Body, Response},
    store::{Product, Shelf},
    types::{Delivery, Fen, ProductId},
};

#[derive(Serialize)]
struct ProductAnswer {
    product: ProductView,
}

/// 200 with the product.
pub(crate) fn answer(product: Product) -> Response<Body> {
    response::success(&ProductAnswer { product: product.into() })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProductView {
    product_id: ProductId,
    name: String,
    /// Fen.
    price: Fen,
    shelf: Shelf,
    delivery: Delivery,
    /// Absent if the stock is not counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    stock: Option<i64>,
    /// Absent if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    stock_rows: Option<u16>,
    /// Absent if the product has no limit of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_per_order: Option<u32>,
    /// The operator who made the last change.
    #[serde(skip_serializing_if = "Option::is_none")]
    changed_by: Option<String>,
    /// RFC 3339, UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    changed_at: Option<String>,
}

impl From<Product> for ProductView {
    fn from(product: Product) -> Self {
        Self {
            shelf: product.shelf(),
            product_id: product.product_id,
            name: product.name,
            price: product.price,
            delivery: product.delivery,
            stock: product.stock,
            stock_rows: product.stock_rows.filter(|rows| *rows > 1),
            max_per_order: product.max_per_order,
            changed_by: product.changed_by,
            changed_at: product.changed_at.map(|at| at.to_rfc3339()),
        }
    }
}
