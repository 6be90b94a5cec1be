"""Data only: one YAML file per exchange with everything known of its API."""
