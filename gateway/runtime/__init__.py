"""What every process that works on the store needs: who it is, and when it does what."""
