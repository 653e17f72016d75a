//! CloudFormation's pseudo parameters, such as `AWS::Region`, and what follows from them.

/// The values of CloudFormation's pseudo parameters. [`Default`] has those of the local world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PseudoParameters {
    /// `AWS::Region`.
    pub region: String,
    /// `AWS::AccountId`.
    pub account: String,
    /// `AWS::Partition`.
    pub partition: String,
    /// `AWS::StackName`, with which the names of resources begin.
    pub stack_name: String,
    /// `AWS::URLSuffix`.
    pub url_suffix: String,
}

impl Default for PseudoParameters {
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

impl PseudoParameters {
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

    /// The ARN of a resource in this region and account.
    pub(crate) fn arn(&self, service: &str, resource: &str) -> String {
        let Self { partition, region, account, .. } = self;
        format!("arn:{partition}:{service}:{region}:{account}:{resource}")
    }

    /// The ARN of a role or policy, which has no region.
    pub(crate) fn iam_arn(&self, kind: &str, name: &str) -> String {
        format!("arn:{}:iam::{}:{kind}/{name}", self.partition, self.account)
    }

    /// The name of a resource that the template does not name.
    pub(crate) fn default_name(&self, logical_id: &str) -> String {
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

/// The stage of an API whose `StageName` is not set. It adds nothing to the paths.
pub(crate) const DEFAULT_STAGE: &str = "$default";
