//! `POST /api/admin/products/{productId}/stock`: an operator adds goods to a product's stock, or takes goods out of it.

use serde::Deserialize;
use shared::{
    api::{ApiError, Code, request},
    runtime::{Body, Request, Response},
    store::{AddStockOutcome, IdempotencyKey},
    types::ProductId,
};

use crate::{ProductsFunction, view};

#[derive(Deserialize)]
struct StockBody {
    /// How many goods come; negative if they go.
    add: Option<i64>,
}

impl ProductsFunction {
    pub(crate) async fn add_stock(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        let product_id =
            ProductId::parse(&request::path(request, "productId")?).map_err(|_| Code::NotFound)?;
        let key = request::optional_idempotency_key(request)?;
        let add = parse(request::json(request)?)?;
        let key = key.map(|key| IdempotencyKey::of_stock(&product_id, key, add));
        let operator = request::operator(request)?;
        match self.products.add_stock(&product_id, add, key.as_ref(), &operator).await? {
            AddStockOutcome::Added(product) => Ok(view::answer(*product)),
            AddStockOutcome::NotCounted => {
                Err(ApiError::new(Code::Conflict).with_message("该商品未设库存数量"))
            }
            AddStockOutcome::TooFew => Err(Code::OutOfStock.into()),
            AddStockOutcome::Unknown => Err(Code::NotFound.into()),
            AddStockOutcome::KeyReused => {
                Err(ApiError::new(Code::Conflict).with_message("该请求编号已用于其他数量"))
            }
        }
    }
}

fn parse(body: StockBody) -> Result<i64, ApiError> {
    match request::required("add", body.add)? {
        0 => Err(ApiError::invalid("add", "不能为 0")),
        add if add.unsigned_abs() <= MAX_ADD => Ok(add),
        _ => Err(ApiError::invalid("add", "须为 -1000000000 到 1000000000")),
    }
}

/// The largest number of goods that can come or go at once.
const MAX_ADD: u64 = 1_000_000_000;
