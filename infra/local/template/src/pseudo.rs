//! The world the stack is deployed to: what `AWS::Region` and its siblings stand for.

/// The world the stack is deployed to. [`Default`] is the local one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pseudo {
    /// `AWS::Region`.
    pub region: String,
    /// `AWS::AccountId`.
    pub account: String,
    /// `AWS::Partition`.
    pub partition: String,
    /// `AWS::StackName`; physical names start with it.
    pub stack_name: String,
    /// `AWS::URLSuffix`.
    pub url_suffix: String,
}

impl Default for Pseudo {
    fn default() -> Self {
        Self {
            region: "us-east-1".to_owned(),
            account: "000000000000".to_owned(),
            partition: "aws".to_owned(),
            stack_name: "local".to_owned(),
            url_suffix: "amazonaws.com".to_owned(),
        }
    }
}

impl Pseudo {
    /// The value of a pseudo parameter other than `AWS::NoValue`.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        match name {
            "AWS::AccountId" => Some(&self.account),
            "AWS::Partition" => Some(&self.partition),
            "AWS::Region" => Some(&self.region),
            "AWS::StackName" => Some(&self.stack_name),
            "AWS::URLSuffix" => Some(&self.url_suffix),
            _ => None,
        }
    }

    /// An ARN of this world.
    pub(crate) fn arn(&self, service: &str, resource: &str) -> String {
        let Self { partition, region, account, .. } = self;
        format!("arn:{partition}:{service}:{region}:{account}:{resource}")
    }

    /// An ARN of Identity and Access Management, which has no regions.
    pub(crate) fn iam_arn(&self, kind: &str, name: &str) -> String {
        format!("arn:{}:iam::{}:{kind}/{name}", self.partition, self.account)
    }

    /// The name that CloudFormation would invent for a resource without one.
    pub(crate) fn name(&self, logical_id: &str) -> String {
        format!("{}-{logical_id}", self.stack_name)
    }

    /// The supported pseudo parameters, for messages.
    pub(crate) const NAMES: [&str; 6] = [
        "AWS::AccountId",
        "AWS::NoValue",
        "AWS::Partition",
        "AWS::Region",
        "AWS::StackName",
        "AWS::URLSuffix",
    ];
}
