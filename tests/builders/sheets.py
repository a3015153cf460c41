"""Builds small workbooks as offices keep them."""

import io

import xlsxwriter


def build_sheet(titles, lines, spans=(), *, formats=None):
    """A workbook with one sheet. `spans`: merged cells as (first row, first column, last row, last column, value).

    `formats`: the number format of a column, by its title.
    """
    file = io.BytesIO()
    with xlsxwriter.Workbook(file) as book:
        page = book.add_worksheet("台账")
        used = {title: book.add_format({"num_format": pattern}) for title, pattern in (formats or {}).items()}
        page.write_row(0, 0, titles)
        for at, line in enumerate(lines, 1):
            for column, (title, cell) in enumerate(zip(titles, line, strict=True)):
                if cell is not None:
                    page.write(at, column, cell, used.get(title))
        for top, left, bottom, right, value in spans:
            page.merge_range(top, left, bottom, right, value)
    return file.getvalue()
