"""The receiver: from webhooks to derived alerts."""
