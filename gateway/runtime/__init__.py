"""What every process that works on the store needs: its identity, and when to do what."""
