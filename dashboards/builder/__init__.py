"""Grafana dashboards from a few words: what is asked, how it is shown, what it means."""
