"""The console: a page where a developer places orders and watches the backend process them."""
