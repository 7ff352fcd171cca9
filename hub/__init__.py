"""The Care Pathway Hub: a message acknowledged is never lost, never shown to the wrong one, and always explained."""
