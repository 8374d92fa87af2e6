"""`/api/chat` and plain chat APIs, told apart by what they are sent."""
