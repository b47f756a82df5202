"""What the gateway sends itself."""
