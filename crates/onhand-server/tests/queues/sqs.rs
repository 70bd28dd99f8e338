//! SQS, as moto's server speaks it. Keys come from the environment, as in production; whoever
//! starts moto sets some that open nothing.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{Message, QueueAttributeName};
use onhand_server::adapters::queues::Queue;
use onhand_server::adapters::queues::parcel::REASON;
use onhand_server::adapters::queues::sqs::{AwsConfig, Sqs, SqsConfig, client};

use crate::brokered::Broker;
use crate::front::Front;
use crate::world::{Form, Letter, unique};

/// Where moto's server is.
pub(crate) fn moto() -> String {
    let url = std::env::var("ONHAND_TEST_MOTO_URL");
    url.expect("`cargo xtask test` or `cargo xtask services` starts moto")
}

pub(crate) async fn client_at(url: String) -> Client {
    // Without them the SDK would look for keys wherever this machine may have some.
    assert!(std::env::var_os("AWS_ACCESS_KEY_ID").is_some(), "whoever starts moto sets keys");
    let config = AwsConfig { endpoint_url: Some(url), region: Some("us-east-1".to_owned()) };
    client(config).await.unwrap()
}

/// A queue of its own and its URL.
pub(crate) async fn make(client: &Client, name: &str, is_fifo: bool) -> String {
    let name = if is_fifo { format!("{name}.fifo") } else { name.to_owned() };
    let fifo = is_fifo.then(|| HashMap::from([(QueueAttributeName::FifoQueue, "true".into())]));
    let made = client.create_queue().queue_name(name).set_attributes(fifo).send().await.unwrap();
    made.queue_url.unwrap()
}

/// Takes all that is in a queue, with every field.
pub(crate) async fn drain(client: &Client, url: &str) -> Vec<Message> {
    let mut all = Vec::new();
    loop {
        let request = client.receive_message().queue_url(url).max_number_of_messages(10);
        let answer = request.message_attribute_names("All").send().await.unwrap();
        let some = answer.messages.unwrap_or_default();
        if some.is_empty() {
            return all;
        }
        for message in some {
            let receipt = message.receipt_handle.clone().unwrap();
            client.delete_message().queue_url(url).receipt_handle(receipt).send().await.unwrap();
            all.push(message);
        }
    }
}

/// What both kinds have.
struct Pair {
    front: Front,
    /// Past the front.
    direct: Client,
    config: SqsConfig,
}

impl Pair {
    async fn fresh(lease: Duration, is_fifo: bool) -> Self {
        let url = moto();
        let front = Front::open(url.trim_start_matches("http://").parse().unwrap()).await;
        let direct = client_at(url).await;
        let name = unique();
        let url = make(&direct, &name, is_fifo).await;
        let dead_letter_url = make(&direct, &format!("{name}-dead"), is_fifo).await;
        Self { front, direct, config: SqsConfig { url, dead_letter_url, lease } }
    }

    async fn queue(&self) -> Arc<dyn Queue> {
        let client = client_at(format!("http://{}", self.front.at)).await;
        Arc::new(Sqs::new(client, self.config.clone()))
    }

    async fn dead(&self) -> Vec<Letter> {
        let letter = |message: Message| {
            let fields = message.message_attributes.unwrap();
            let reason = fields.get(REASON).unwrap().string_value.clone().unwrap();
            (message.body.unwrap().into(), reason)
        };
        drain(&self.direct, &self.config.dead_letter_url).await.into_iter().map(letter).collect()
    }

    async fn send_bare(&self, body: &str, group: Option<&str>) {
        let request = self.direct.send_message().queue_url(&self.config.url).message_body(body);
        let id = group.map(|_| unique());
        let request = request.set_message_group_id(group.map(str::to_owned));
        request.set_message_deduplication_id(id).send().await.unwrap();
    }
}

macro_rules! form {
    ($(#[$doc:meta])* $name:ident, fifo: $is_fifo:literal, group: $group:expr) => {
        $(#[$doc])*
        pub(crate) struct $name(Pair);

        impl Form for $name {
            // moto looks among the messages that are there; SQS remembers for five minutes.
            const TELLS_WHAT_IS_DONE: bool = false;

            async fn fresh(lease: Duration) -> Self {
                Self(Pair::fresh(lease, $is_fifo).await)
            }

            async fn queue(&self) -> Arc<dyn Queue> {
                self.0.queue().await
            }

            async fn dead(&self) -> Vec<Letter> {
                self.0.dead().await
            }

            async fn send_bare(&self, body: &str) -> bool {
                self.0.send_bare(body, $group).await;
                true
            }

            async fn away(&mut self) {
                self.0.front.close().await;
            }

            async fn back(&mut self) {
                self.0.front.reopen().await;
            }
        }

        impl Broker for $name {
            fn named(&self) -> Vec<String> {
                let Pair { front, config, .. } = &self.0;
                vec![
                    "--queue=sqs".to_owned(),
                    format!("--sqs-queue-url={}", config.url),
                    format!("--sqs-dead-letter-url={}", config.dead_letter_url),
                    format!("--sqs-endpoint-url=http://{}", front.at),
                ]
            }
        }
    };
}

form! {
    /// A standard queue.
    Standard, fifo: false, group: None
}

form! {
    /// A FIFO queue.
    Fifo, fifo: true, group: Some("theirs")
}
