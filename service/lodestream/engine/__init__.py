"""The engine: Faust app, transport, transactions, changelog state. It knows Kafka and knows no news."""
