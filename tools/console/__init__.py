"""The console: a page on which a developer places orders and sees what the backend does with them."""
