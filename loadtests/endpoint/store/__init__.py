"""What the server keeps: messages, inboxes, events, the log and what the exchange signed."""
