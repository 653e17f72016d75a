//! `USERS_TABLE`: the records that the user and another one are one person. The user's own row went when the erasure began.

use aws_sdk_dynamodb::types::AttributeValue;

use super::PersonEraser;
use crate::store::{StoreError, inbox::ErasedPerson, item, users::users_of_merge_record};

impl PersonEraser {
    pub(super) async fn delete_merge_records(&self, person: &ErasedPerson) -> Result<(), StoreError> {
        for record in &person.merge_records {
            for other in users_of_merge_record(record).filter(|id| *id != person.user_id) {
                // `JOINED` names the id that the openid would have got, which is no user: then the condition fails.
                let update = self
                    .client
                    .update_item()
                    .table_name(&self.users)
                    .key("id", item::s(&other))
                    .update_expression("DELETE merge_records :record")
                    .condition_expression("contains(merge_records, :text)")
                    .expression_attribute_values(":record", AttributeValue::Ss(vec![record.clone()]))
                    .expression_attribute_values(":text", item::s(record));
                item::update(&self.host, ERASING, update).await?;
            }
            let delete = self.client.delete_item().table_name(&self.users).key("id", item::s(record));
            super::delete(ERASING, delete).await?;
        }
        Ok(())
    }
}

const ERASING: &str = "erasing a record of a merge";
