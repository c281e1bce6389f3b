"""`view`: a page from a local server, on which a person sees, compares, develops and exports what their files hold."""
