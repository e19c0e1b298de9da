"""Many results from one file: checked as a whole, issued in resumable steps, answered with a file of codes."""
