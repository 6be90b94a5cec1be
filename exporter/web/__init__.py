"""What a web server of ours is protected by, and how it listens."""
