"""What each attempt used: measured, spooled before the last byte is sent, shipped to Kafka."""
