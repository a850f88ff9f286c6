"""Numbers, dates and times of cells."""
import datetime

PERCENT, DATE, OTHER = "percent", "date", ""


def number(text):
    """With the fifteen digits that Excel has."""
    try:
        value = float(text)
        return str(int(value)) if value == int(value) and abs(value) < 1e21 else format(value, ".15g")
    except (ValueError, OverflowError):
        return text


def percent(text):
    """Of a hundred."""
    try:
        return number(repr(float(text) * 100))
    except ValueError:
        return text


def date(text, from_1904):
    """YYYY-MM-DD, HH:MM:SS or both, of a number of days since the beginning of Excel's calendar."""
    try:
        days, rest = divmod(round(float(text) * 86400), 86400)
        clock = f"{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}"
        if days == 0 and not from_1904:
            return clock
        # Day 60 of that calendar, the 29th of February 1900, never was.
        first = datetime.date(1904, 1, 1) if from_1904 else datetime.date(1899, 12, 31 if days < 60 else 30)
        day = (first + datetime.timedelta(days=days)).isoformat()
        return f"{day} {clock}" if rest else day
    except (ValueError, OverflowError):
        return text


def kind_of_code(code):
    """What a number format such as `yyyy\\-mm\\-dd` makes of a positive number."""
    kept, at = "", 0
    while at < len(code) and code[at] != ";":
        letter = code[at]
        if letter in "\\_*":
            at += 2
        elif letter in '"[':
            end = code.find('"' if letter == '"' else "]", at + 1)
            end = end if end >= 0 else len(code)
            inner = code[at + 1 : end].lower()
            if letter == "[" and inner and set(inner) <= set("hms"):
                return DATE
            at = end + 1
        else:
            kept += letter.lower()
            at += 1
    if any(letter in kept.replace("general", "") for letter in "ydhms"):
        return DATE
    return PERCENT if "%" in kept else OTHER


# Formats that have only a number, the same in all workbooks.
BUILT_IN = {
    **{str(number): DATE for number in [*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)]},
    "9": PERCENT,
    "10": PERCENT,
}
