"""What inspectors report of papers that do not match what they see, for whoever heads an agency's inspection."""
