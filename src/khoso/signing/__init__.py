"""Where private keys live: in encrypted files on this machine, or in a device that never gives them out."""
