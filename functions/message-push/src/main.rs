//! The Lambda binary of `message-push`.

fn main() -> Result<(), shared::types::BoxError> {
    shared::runtime::serve::<message_push::MessagePushFunction>()
}
