"""Pages: layouts, and the HTML document around them."""
