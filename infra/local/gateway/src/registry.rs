//! The registry of functions: one line for each folder below `functions/`.

use std::sync::Arc;

use lambda_http::Context;
use serde_json::Value;
use shared::host::Host;

use crate::{adapter::HttpResponder, error::CallError, function::RegisteredFunction};

/// Every function of the bundle.
pub(crate) const REGISTRY: &[RegisteredFunction] = &[
    RegisteredFunction::task::<access_token::AccessTokenTask>(),
    RegisteredFunction::function::<card::CardFunction>(),
    RegisteredFunction::function::<cases::CasesFunction>(),
    RegisteredFunction::function::<complaint::ComplaintFunction>(),
    RegisteredFunction::task::<complaint_sweep::ComplaintSweepTask>(),
    RegisteredFunction::function::<content_check::ContentCheckFunction>(),
    RegisteredFunction::function::<customer_message::CustomerMessageFunction>(),
    RegisteredFunction::function::<jssdk::JssdkFunction>(),
    RegisteredFunction::function::<login::LoginFunction>(),
    RegisteredFunction::function::<message_push::MessagePushFunction>(),
    RegisteredFunction::task::<push_events::PushEventsTask>(),
    RegisteredFunction::function::<nearby::NearbyFunction>(),
    RegisteredFunction::function::<order::OrderFunction>(),
    RegisteredFunction::task::<order_events::OrderEventsTask>(),
    RegisteredFunction::task::<order_sweep::OrderSweepTask>(),
    RegisteredFunction::function::<pay_notify::PayNotifyFunction>(),
    RegisteredFunction::function::<phone::PhoneFunction>(),
    RegisteredFunction::function::<products::ProductsFunction>(),
    RegisteredFunction::function::<quota::QuotaFunction>(),
    RegisteredFunction::task::<reconcile::ReconcileTask>(),
    RegisteredFunction::function::<refund::RefundFunction>(),
    RegisteredFunction::function::<refund_notify::RefundNotifyFunction>(),
    RegisteredFunction::function::<retired::RetiredFunction>(),
    RegisteredFunction::function::<score::ScoreFunction>(),
    RegisteredFunction::function::<share::ShareFunction>(),
    RegisteredFunction::task::<share_figures::ShareFiguresTask>(),
    RegisteredFunction::function::<shipping::ShippingFunction>(),
    RegisteredFunction::task::<shipping_sweep::ShippingSweepTask>(),
    RegisteredFunction::function::<soter_verify::SoterVerifyFunction>(),
    RegisteredFunction::function::<subscribe::SubscribeFunction>(),
    RegisteredFunction::function::<unified_order::UnifiedOrderFunction>(),
    RegisteredFunction::function::<upload::UploadFunction>(),
    RegisteredFunction::function::<user::UserFunction>(),
    RegisteredFunction::function::<werun::WerunFunction>(),
    RegisteredFunction::function::<wxacode::WxacodeFunction>(),
];

/// Starts the function in `functions/<folder>` on `host`, as a cold start does, and drops it. For tests of settings.
///
/// # Errors
/// [`CallError::Unknown`]: the registry has no such folder. [`CallError::Start`]: a variable is missing or malformed.
pub async fn start_function(folder: &str, host: Host) -> Result<(), CallError> {
    let unknown = || CallError::Unknown { folder: folder.to_owned(), expected: "function or task" };
    let entry = REGISTRY.iter().find(|entry| entry.folder == folder).ok_or_else(unknown)?;
    Ok(entry.start_once(host).await?)
}

/// A started function with routes, without a gateway before it. For tests of what it answers to events.
pub struct StartedFunction(Arc<dyn HttpResponder>);

impl StartedFunction {
    /// Starts the function in `functions/<folder>` on `host`, as a cold start does.
    ///
    /// # Errors
    /// [`CallError::Unknown`]: the registry has no such folder, or a task. [`CallError::Start`]: a variable is missing or malformed.
    pub async fn start(folder: &str, host: Host) -> Result<Self, CallError> {
        let unknown = || CallError::Unknown { folder: folder.to_owned(), expected: "function" };
        let entry = REGISTRY.iter().find(|entry| entry.folder == folder).ok_or_else(unknown)?;
        let responder = entry.start_responder(host).await.ok_or_else(unknown)??;
        Ok(Self(responder))
    }

    /// Handles an event of API Gateway, given as JSON text. Returns the response in Lambda's form.
    ///
    /// # Errors
    /// [`CallError::Failed`]: the text is no such event.
    pub async fn answer(&self, event: String) -> Result<Value, CallError> {
        Arc::clone(&self.0).handle_event(event, Context::default()).await.map_err(CallError::Failed)
    }
}

/// The folders below `functions/` that the registry has.
#[must_use]
pub fn registered_folders() -> Vec<&'static str> {
    REGISTRY.iter().map(|entry| entry.folder).collect()
}
