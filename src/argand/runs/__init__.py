"""The one course of every verb over many items: answers or failures, records, a folder with its page."""
