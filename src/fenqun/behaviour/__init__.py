"""What is learned from what users do."""
