"""Configuration: YAML and catalog files in, a compiled immutable Plan out."""
