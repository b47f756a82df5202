"""What came back: bounces, complaints and delivery reports, taken apart and read."""
