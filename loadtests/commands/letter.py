"""A letter to try the exchange with: one page of PDF, with Vietnamese text.

Rule kept here: the page says that it is a sample, so that nobody takes it for somebody's letter.
"""

from __future__ import annotations

from html import escape

_LINE_PT = 26


def letter(sender: str, *, on: str) -> bytes:
    """A page of A4 as PDF.

    Args:
        sender: Name of the agency that it is said to be from.
        on: The day, as the page shows it.
    """
    import vl_convert  # noqa: PLC0415 - takes a while to load, and only a new demo needs it

    lines = (
        (13, sender.upper()),
        (13, "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM"),
        (13, "Độc lập - Tự do - Hạnh phúc"),
        (11, on),
        (18, "CÔNG VĂN"),
        (13, "Về việc gửi, nhận văn bản điện tử"),
        (11, "Đây là văn bản mẫu để thử trục liên thông văn bản điện tử."),
        (11, "This is a sample document to try the exchange with."),
    )
    texts = "".join(
        f'<text x="70" y="{90 + _LINE_PT * place}" font-size="{size}" font-family="serif">{escape(text)}</text>'
        for place, (size, text) in enumerate(lines)
    )
    page = f'<svg xmlns="http://www.w3.org/2000/svg" width="595" height="842">{texts}</svg>'
    pdf: bytes = vl_convert.svg_to_pdf(page)
    return pdf
