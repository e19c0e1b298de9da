"""The server-rendered pages: home, verify, typed look-up, the API described, and the demonstration's papers."""
