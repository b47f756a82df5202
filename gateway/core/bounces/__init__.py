"""What comes back: bounces and complaints, what they say and whom they are about."""
