"""What went through the proxies: fetched from the serving process, kept in the archive, and found again."""
