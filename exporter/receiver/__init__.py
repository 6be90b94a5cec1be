"""The optional webhook receiver: analyses groups of alerts, hands the result to Alertmanager."""
