"""What a spreadsheet takes for a formula.

Here: the pattern, for every list that is saved as CSV. Not here: the files beside the page (``csv_files.py``), saving a
list of the page (``templates/csv.js``).

A spreadsheet runs a cell that begins like a formula, and names of devices and software come from devices. Such texts
get an apostrophe in front, by which spreadsheets know text.
"""

FORMULA = "^([ \t\n\v\f\r\u00a0\u3000\ufeff]*[=+\\-@＝＋－＠]|[\t\r\n])"
"""The same in Arrow, Python and JavaScript, in which ``\\s`` means different characters. https://owasp.org/www-community/attacks/CSV_Injection"""
