"""What real mail libraries and mail servers make of the gateway's answers; `make clients`."""
