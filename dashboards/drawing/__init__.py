"""Boards as pictures, without Grafana: what is asked, what was answered, how it would be shown."""
