//! A function may do what its statements allow and nothing else.

use serde_json::json;

use crate::support::{NOTES, ORDERS, allowed, denied, order, order_key, stack, start};

#[tokio::test]
async fn an_allowed_call_has_its_effect() {
    let dynamo = start().await;
    allowed(&dynamo, "Writer", "PutItem", order("o1")).await;
    let answer = allowed(&dynamo, "Reader", "GetItem", order_key("o1")).await;
    assert_eq!(answer["Item"]["userId"]["S"], "u1");
    assert_eq!(answer.get("ConsumedCapacity"), None, "the request did not ask for it");
}

#[tokio::test]
async fn a_refusal_names_caller_action_and_resource() {
    let dynamo = start().await;
    assert_eq!(
        denied(&dynamo, "Reader", "PutItem", order("o1")).await,
        format!(
            "User: arn:aws:sts::000000000000:assumed-role/Reader is not authorized to perform: dynamodb:PutItem on \
             resource: {ORDERS} because no identity-based policy allows the dynamodb:PutItem action"
        )
    );
    let lacking = &dynamo.denied_permissions()[0];
    assert_eq!((lacking.caller.as_str(), lacking.action.as_str()), ("Reader", "dynamodb:PutItem"));
    let calls = dynamo.calls();
    assert!(!calls[0].allowed);
    assert_eq!(calls[0].error.as_deref(), Some("AccessDeniedException"));
    assert!(dynamo.used_permissions().is_empty());
    assert!(!dynamo.dump_tables().unwrap().contains("o1"));
}

#[tokio::test]
async fn an_index_is_a_resource_of_its_own() {
    let dynamo = start().await;
    let query = json!({
        "TableName": "local-Orders",
        "IndexName": "byUser",
        "KeyConditionExpression": "userId = :u",
        "ExpressionAttributeValues": {":u": {"S": "u1"}},
    });
    allowed(&dynamo, "Reader", "Query", query.clone()).await;
    let mut of_table = query;
    of_table["KeyConditionExpression"] = "orderId = :u".into();
    of_table.as_object_mut().unwrap().remove("IndexName");
    assert!(
        denied(&dynamo, "Reader", "Query", of_table).await.contains(&format!("resource: {ORDERS} because"))
    );
    assert!(
        denied(&dynamo, "Reader", "Scan", json!({"TableName": "local-Orders"}))
            .await
            .contains("dynamodb:Scan")
    );
}

#[tokio::test]
async fn a_batch_needs_its_action_on_every_table() {
    let dynamo = start().await;
    let keys = |table: &str, key: &str| json!({table: {"Keys": [{key: {"S": "a"}}]}});
    let mut items = keys("local-Orders", "orderId");
    allowed(&dynamo, "Reader", "BatchGetItem", json!({"RequestItems": items})).await;
    items["local-Notes"] = keys("local-Notes", "id")["local-Notes"].clone();
    assert!(denied(&dynamo, "Reader", "BatchGetItem", json!({"RequestItems": items})).await.contains(NOTES));
    let write =
        json!({"RequestItems": {"local-Orders": [{"PutRequest": {"Item": {"orderId": {"S": "a"}}}}]}});
    allowed(&dynamo, "Writer", "BatchWriteItem", write).await;
}

#[tokio::test]
async fn each_part_of_a_transaction_needs_its_own_permission() {
    let dynamo = start().await;
    let put = |table: &str, key: &str| json!({"Put": {"TableName": table, "Item": {key: {"S": "a"}}}});
    let check = |table: &str, key: &str| {
        json!({"ConditionCheck": {
            "TableName": table,
            "Key": {key: {"S": "b"}},
            "ConditionExpression": format!("attribute_not_exists({key})"),
        }})
    };
    let good = json!({"TransactItems": [put("local-Orders", "orderId"), check("local-Notes", "id")]});
    allowed(&dynamo, "Writer", "TransactWriteItems", good).await;
    let bad = json!({"TransactItems": [put("local-Notes", "id"), check("local-Orders", "orderId")]});
    let refusal = denied(&dynamo, "Writer", "TransactWriteItems", bad).await;
    assert!(refusal.contains("dynamodb:ConditionCheckItem"), "{refusal}");
    let read = json!({"TransactItems": [{"Get": order_key("a")}]});
    allowed(&dynamo, "Reader", "TransactGetItems", read).await;
}

#[tokio::test]
async fn partiql_and_administration_are_refused() {
    let dynamo = start().await;
    let statement = json!({"Statement": "SELECT * FROM \"local-Orders\""});
    denied(&dynamo, "Reader", "ExecuteStatement", statement.clone()).await;
    denied(&dynamo, "Reader", "BatchExecuteStatement", json!({"Statements": [statement.clone()]})).await;
    denied(&dynamo, "Reader", "ExecuteTransaction", json!({"TransactStatements": [statement]})).await;
    denied(&dynamo, "Reader", "DeleteTable", json!({"TableName": "local-Orders"})).await;
    denied(&dynamo, "Reader", "ListTables", json!({})).await;
    denied(&dynamo, "Reader", "GetItem", json!({})).await;
    denied(&dynamo, "Writer", "TransactWriteItems", json!({"TransactItems": []})).await;
}

#[tokio::test]
async fn a_table_named_by_its_arn_needs_the_same_permission() {
    let dynamo = start().await;
    let mut key = order_key("o1");
    key["TableName"] = ORDERS.into();
    assert!(denied(&dynamo, "Follower", "GetItem", key).await.contains(&format!("{ORDERS} because")));
}

#[tokio::test]
async fn leading_keys_limit_a_permission() {
    let dynamo = start().await;
    let key = |id: &str| json!({"TableName": "local-Notes", "Key": {"id": {"S": id}}});
    allowed(&dynamo, "Keyed", "GetItem", key("counter")).await;
    denied(&dynamo, "Keyed", "GetItem", key("other")).await;
    let query = |id: &str| {
        json!({
            "TableName": "local-Notes",
            "KeyConditionExpression": "#k = :id",
            "ExpressionAttributeNames": {"#k": "id"},
            "ExpressionAttributeValues": {":id": {"S": id}},
        })
    };
    allowed(&dynamo, "Keyed", "Query", query("settings")).await;
    denied(&dynamo, "Keyed", "Query", query("other")).await;
    denied(&dynamo, "Keyed", "Scan", json!({"TableName": "local-Notes"})).await;
}

#[tokio::test]
async fn a_condition_that_is_not_enforced_is_refused_at_the_start() {
    let text = include_str!("template.yaml").replace("dynamodb:LeadingKeys", "dynamodb:Attributes");
    let stack = local_template::Template::parse(&text).unwrap().deploy(&Default::default()).unwrap();
    let error = local_dynamo::Dynamo::start(&stack, crate::support::options(None)).await.err().unwrap();
    assert!(error.to_string().contains("dynamodb:Attributes is not enforced"), "{error}");
}

#[tokio::test]
async fn the_operator_may_do_everything() {
    let dynamo = start().await;
    allowed(&dynamo, "operator", "PutItem", order("o1")).await;
    let answer = dynamo.call_as_operator("Scan", json!({"TableName": "local-Orders"})).await.unwrap();
    assert_eq!(answer["Count"], 1);
    assert!(dynamo.used_permissions().is_empty(), "the operator's calls say nothing about functions");
    let error = dynamo
        .call_as_operator("GetItem", json!({"TableName": "none", "Key": {"a": {"S": "b"}}}))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("ResourceNotFoundException"), "{error}");
}

#[tokio::test]
async fn used_permissions_can_be_compared_with_granted_ones() {
    let dynamo = start().await;
    allowed(&dynamo, "Writer", "PutItem", order("o1")).await;
    allowed(&dynamo, "Writer", "PutItem", order("o2")).await;
    let used = dynamo.used_permissions();
    let granted: Vec<_> = stack().function("Writer").unwrap().statements.clone();
    let unused: Vec<&String> = granted[0]
        .actions
        .iter()
        .filter(|action| {
            !used.iter().any(|one| one.action == **action && one.resource == granted[0].resources[0])
        })
        .collect();
    assert_eq!(used.len(), 1);
    assert_eq!(unused, ["dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:BatchWriteItem"]);
}
