//! How a world differs from the usual one.

use std::pin::Pin;

use crate::World;

/// Starts a [`World`] when it is awaited.
#[derive(Default)]
#[must_use = "a world starts when its builder is awaited"]
pub struct WorldBuilder {
    pub(crate) config: String,
    pub(crate) parameters: Vec<(String, String)>,
    pub(crate) trade_managed: bool,
    pub(crate) throughput_scale: Option<u32>,
}

impl WorldBuilder {
    /// With this configuration file, in TOML.
    pub fn with_config(mut self, config: &str) -> Self {
        config.clone_into(&mut self.config);
        self
    }

    /// With this value of a parameter of the template.
    pub fn with_parameter(mut self, name: &str, value: &str) -> Self {
        self.parameters.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With a WeChat that keeps the money of orders until they are shipped and received.
    pub fn with_shipping(mut self) -> Self {
        self.trade_managed = true;
        self
    }

    /// With a database whose partitions have the throughput that AWS's have, divided by `scale`, in the time of the world's clock.
    pub fn with_throughput_scale(mut self, scale: u32) -> Self {
        self.throughput_scale = Some(scale);
        self
    }

    /// With this template of the message to a user whose order was paid.
    pub fn with_template(self, template_id: &str) -> Self {
        let data = r#"{"thing1":"{description}","amount2":"¥{totalFee}","time3":"{paidAt}"}"#;
        self.with_parameter("PaidTemplateId", template_id)
            .with_parameter("PaidTemplateData", data)
            .with_parameter("PaidTemplatePage", "pages/order?id={orderId}")
    }
}

impl IntoFuture for WorldBuilder {
    type Output = World;
    type IntoFuture = Pin<Box<dyn Future<Output = World>>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(World::launch(self))
    }
}
