"""The database itself: connections, transactions, columns, blobs, leases."""
