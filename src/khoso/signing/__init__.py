"""Where private keys live: encrypted files on this machine."""
