"""Why an answer was slow: what was out of the ordinary while a request was answered, and what the moment was like."""
