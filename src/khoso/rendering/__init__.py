"""How the text of a code becomes something to print or show: pure, text in and bytes out."""
