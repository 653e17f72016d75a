//! Measures what a request costs: requests to DynamoDB and to WeChat, and capacity units.

use e2e::World;
use local_dynamo::CapacityUnits;

/// What something cost. Its name begins with its route, or with the folder of its function.
pub(crate) struct Cost {
    pub(crate) what: &'static str,
    pub(crate) dynamodb: usize,
    pub(crate) wechat: usize,
    pub(crate) reads: CapacityUnits,
    pub(crate) writes: CapacityUnits,
}

/// Notes the cost of each request to a world.
pub(crate) struct Meter<'w> {
    pub(crate) world: &'w World,
    pub(crate) costs: Vec<Cost>,
}

impl Meter<'_> {
    /// Does `work`, and notes what it costs under the name `what`.
    pub(crate) async fn of<T>(&mut self, what: &'static str, work: impl Future<Output = T>) -> T {
        let (value, calls, wechat) = self.world.record_calls(work).await;
        self.costs.push(Cost {
            what,
            dynamodb: calls.len(),
            wechat,
            reads: calls.iter().map(|call| call.read_units).sum(),
            writes: calls.iter().map(|call| call.write_units).sum(),
        });
        value
    }
}
