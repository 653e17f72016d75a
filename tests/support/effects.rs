//! What `order-events` made of the events so far.

use crate::World;

/// Everything that follows from the orders of a world.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Effects {
    /// Events on the event bus.
    pub published: usize,
    /// Requests to send a message, whatever WeChat answered.
    pub send_calls: usize,
    /// Messages that WeChat has delivered.
    pub messages: usize,
    /// Events in the outbox of which an effect is still to be done.
    pub pending: usize,
    /// The `stock` of the product `water`; `None` while it is not counted.
    pub stock: Option<i64>,
}

impl Effects {
    pub(crate) async fn read(world: &World) -> Self {
        let outbox = world.items("OutboxTable").await;
        let products = world.items("ProductsTable").await;
        let water = products.iter().find(|row| row["product_id"]["S"] == "water").expect("the product");
        Self {
            published: world.dynamo().events().len(),
            send_calls: world.calls_to("/cgi-bin/message/subscribe/send"),
            messages: world.wechat().messages().len(),
            pending: outbox.iter().filter(|row| row.get("pending_shard").is_some()).count(),
            stock: water["stock"]["N"].as_str().map(|stock| stock.parse().expect("a number")),
        }
    }
}
