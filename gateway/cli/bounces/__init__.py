"""What came back of mail that went out."""
