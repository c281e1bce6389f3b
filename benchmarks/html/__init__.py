"""One page that shows the benchmark's results: DIR/rows.jsonl and DIR/pictures in, DIR/report.html out.

    rows.jsonl --> results (rows, checked) --+--> losses, costs, gaps, profile --+
                                             +--> chart (SVG)                    +--> page --> report.html
    pictures/  --> gallery (safe addresses) -+-----------------------------------+

Nothing is measured here. Rows and the names in them are not trusted: what is no number counts as missing, all text is
escaped by the template, and no address leaves DIR/pictures.
"""
