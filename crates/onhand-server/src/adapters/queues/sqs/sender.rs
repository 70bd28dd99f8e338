//! Sends to one queue of SQS, in requests as full as SQS allows.

use std::collections::BTreeSet;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::BuildError;
use aws_sdk_sqs::types::{MessageAttributeValue, QueueAttributeName, SendMessageBatchRequestEntry};
use futures_util::{StreamExt, TryStreamExt, stream};

use super::failure::{judge, judge_entries};
use crate::adapters::queues::parcel::{self, Carrier, DEDUP_ID, GROUP, Parcel};
use crate::adapters::queues::{Answer, QueueError};
use crate::limits::{SQS_AT_ONCE_MAX, SQS_BATCH_BYTES_MAX, SQS_BATCH_MAX};

/// One queue of SQS, to send to.
#[derive(Clone)]
pub struct SqsSender {
    client: Client,
    pub(super) url: String,
    pub(super) is_fifo: bool,
}

impl std::fmt::Debug for SqsSender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqsSender").field("is_fifo", &self.is_fifo).finish_non_exhaustive()
    }
}

impl SqsSender {
    /// A queue that exists.
    pub fn new(client: Client, url: String) -> Self {
        let is_fifo = url.ends_with(".fifo");
        Self { client, url, is_fifo }
    }

    async fn send_batch(&self, parcels: &[Parcel]) -> Result<(), QueueError> {
        let mut request = self.client.send_message_batch().queue_url(&self.url);
        for (index, parcel) in parcels.iter().enumerate() {
            let entry = self.entry(index, parcel);
            let odd = |_| QueueError::Refused("a message is not complete".to_owned());
            request = request.entries(entry.map_err(odd)?);
        }
        let answer = request.send().await.map_err(|error| judge(&error))?;
        judge_entries(answer.failed())
    }

    fn entry(
        &self,
        index: usize,
        parcel: &Parcel,
    ) -> Result<SendMessageBatchRequestEntry, BuildError> {
        let message = &parcel.message;
        let body = String::from_utf8_lossy(&message.body);
        let mut entry = SendMessageBatchRequestEntry::builder().id(index.to_string());
        entry = entry.message_body(body);
        let mut fields = parcel.fields.clone();
        if self.is_fifo {
            entry = entry.message_deduplication_id(&message.dedup_id);
            entry = entry.message_group_id(&message.group);
        } else {
            fields.push((DEDUP_ID, message.dedup_id.clone()));
            fields.push((GROUP, message.group.clone()));
        }
        for (name, value) in fields {
            let value = MessageAttributeValue::builder().data_type("String").string_value(value);
            entry = entry.message_attributes(name, value.build()?);
        }
        entry.build()
    }
}

impl Carrier for SqsSender {
    fn send(&self, parcels: Vec<Parcel>) -> Answer<'_, ()> {
        Box::pin(async move {
            parcel::check(&parcels)?;
            // In order, one request after the other, where order is promised.
            let at_once = if self.is_fifo { 1 } else { SQS_AT_ONCE_MAX };
            let batches = batches(&parcels, self.is_fifo);
            let requests: Vec<_> = batches.into_iter().map(|one| self.send_batch(one)).collect();
            stream::iter(requests).buffered(at_once).try_collect::<()>().await
        })
    }

    fn probe(&self) -> Answer<'_, ()> {
        Box::pin(async move {
            let request = self.client.get_queue_attributes().queue_url(&self.url);
            let asked = request.attribute_names(QueueAttributeName::QueueArn).send().await;
            asked.map(|_| ()).map_err(|error| judge(&error))
        })
    }
}

/// Parts in order, each of which fits into a request. SQS may take some messages of a request and
/// not others: where order counts, no two of one group are in the same, so that none overtakes
/// another that is sent again.
fn batches(parcels: &[Parcel], is_fifo: bool) -> Vec<&[Parcel]> {
    let mut batches = Vec::new();
    let (mut start, mut bytes, mut groups) = (0, 0, BTreeSet::new());
    for (index, parcel) in parcels.iter().enumerate() {
        let size = parcel.message.body.len();
        let is_full = index - start == SQS_BATCH_MAX || bytes + size > SQS_BATCH_BYTES_MAX;
        let is_next = is_fifo && groups.contains(&parcel.message.group);
        if index > start && (is_full || is_next) {
            batches.push(parcels.get(start..index).unwrap_or_default());
            (start, bytes) = (index, 0);
            groups.clear();
        }
        bytes += size;
        groups.insert(&parcel.message.group);
    }
    if start < parcels.len() {
        batches.push(parcels.get(start..).unwrap_or_default());
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::queues::Outgoing;
    use crate::limits::QUEUE_BODY_BYTES_MAX;

    /// Sizes of the batches of messages, each given by its group and its size.
    fn check(messages: &[(&str, usize)], is_fifo: bool, expected: &[usize]) {
        let parcel = |(index, (group, size)): (usize, &(&str, usize))| {
            let body = vec![b'x'; *size].into();
            let (dedup_id, group) = (index.to_string(), (*group).to_owned());
            Parcel::plain(Outgoing { dedup_id, group, body })
        };
        let parcels: Vec<Parcel> = messages.iter().enumerate().map(parcel).collect();
        let batches = batches(&parcels, is_fifo);
        let sizes: Vec<usize> = batches.iter().map(|batch| batch.len()).collect();
        assert_eq!(sizes, expected, "{messages:?}");
        assert_eq!(batches.concat(), parcels, "in order");
    }

    #[test]
    fn a_request_is_as_full_as_sqs_allows() {
        check(&[], false, &[]);
        check(&[("a", 1)], false, &[1]);
        check(&[("a", 1); 10], false, &[10]);
        check(&[("a", 1); 21], false, &[10, 10, 1]);
        let third = SQS_BATCH_BYTES_MAX / 3;
        check(&[("a", third); 7], false, &[3, 3, 1]);
        check(&[("a", QUEUE_BODY_BYTES_MAX); 3], false, &[1, 1, 1]);
    }

    #[test]
    fn where_order_counts_no_request_has_two_of_a_group() {
        check(&[("a", 1); 3], true, &[1, 1, 1]);
        check(&[("a", 1), ("b", 1), ("a", 1), ("c", 1), ("b", 1)], true, &[2, 3]);
        let many: Vec<String> = (0..25).map(|n| n.to_string()).collect();
        let many: Vec<(&str, usize)> = many.iter().map(|group| (group.as_str(), 1)).collect();
        check(&many, true, &[10, 10, 5]);
    }
}
