"""The files of a report: what it is made from and what it writes, in one folder."""

ROWS, PAGE, TEXT, CURVES = "rows.jsonl", "report.html", "report.md", "curves.png"
