//! Permissions, and which function used which.

/// An action on a resource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Permission {
    /// The action, such as `dynamodb:PutItem`.
    pub action: String,
    /// The ARN of the resource.
    pub resource: String,
}

/// A permission together with the function that used it or lacked it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PermissionUse {
    /// The function's logical id.
    pub caller: String,
    /// The action.
    pub action: String,
    /// The ARN of the resource.
    pub resource: String,
}

impl Permission {
    pub(crate) fn used_by(&self, caller: &str) -> PermissionUse {
        let Self { action, resource } = self.clone();
        PermissionUse { caller: caller.to_owned(), action, resource }
    }
}
