"""Text as bytes of unknown encoding, turned into UTF-8."""

from __future__ import annotations

import codecs
import re

from chainrule.data.table import Note
from chainrule.errors import DataError, OptionError
from chainrule.words import setting

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8", ""),
    (codecs.BOM_UTF32_LE, "utf-32-le", "UTF-32 (little endian)"),  # begins as the mark of UTF-16 does
    (codecs.BOM_UTF32_BE, "utf-32-be", "UTF-32 (big endian)"),
    (codecs.BOM_UTF16_LE, "utf-16-le", "UTF-16 (little endian)"),
    (codecs.BOM_UTF16_BE, "utf-16-be", "UTF-16 (big endian)"),
)

# What people rename to .csv, so that the message can say what the file is.
_SIGNATURES = (
    (b"\x1f\x8b", "gzip data"),
    (b"PK\x03\x04", "a ZIP archive or an Excel workbook"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"PAR1", "a Parquet file"),
    (b"%PDF", "a PDF file"),
    (b"\x89PNG", "a PNG picture"),
    (b"\x93NUMPY", "a NumPy array"),
)

_CONTROL = re.compile(rb"[\x01-\x08\x0e-\x19\x1b-\x1f]")
_HIGH = re.compile(rb"[\x80-\xff]")
_UTF8_SEQUENCE = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_LONE_CARRIAGE_RETURN = re.compile(rb"\r(?!\n)")
_BLOCK = 1 << 20


def to_utf8(data: bytes, source: str, encoding: str | None = None) -> tuple[bytes, tuple[Note, ...]]:
    """Return the text in UTF-8 without a byte order mark, with ``\\n`` or ``\\r\\n`` at line ends, and what was found out.

    Without ``encoding``, UTF-8 is tried first, then UTF-32 and UTF-16 by their byte order marks or UTF-16 by its
    zero bytes, then cp1252.
    Raises :class:`OptionError` for an encoding that does not exist and :class:`DataError` for bytes that are no text in it.
    """
    if encoding is not None:
        return _line_ends(_transcode(data, source, text_codec(encoding), encoding)), ()
    _refuse_signatures(data, source)
    for mark, codec, name in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            text = _transcode(data[len(mark) :], source, codec, name or "UTF-8")
            return _line_ends(text), (_note(source, name),) if name else ()
    if (byte_order := _utf16_without_mark(data)) is not None:
        return _line_ends(_transcode(data, source, f"utf-16-{byte_order}", "UTF-16")), (_note(source, "UTF-16"),)
    if b"\0" in data:
        raise _binary(data, source, data.index(b"\0"))
    bad = _first_bad_byte(data)
    if bad is None:
        return _line_ends(data), ()
    if (control := _CONTROL.search(data)) is not None:
        raise _binary(data, source, control.start())
    if _mostly_utf8(data):
        raise DataError(
            f"{source}, line {_line(data, bad)}: byte 0x{data[bad]:02x} is broken in a text that is UTF-8 elsewhere; "
            f"correct that line, or name another encoding with {setting('encoding')}"
        )
    try:
        text = data.decode("cp1252").encode()
    except UnicodeDecodeError as error:
        raise DataError(
            f"{source}, line {_line(data, error.start)}: byte 0x{data[error.start]:02x} belongs to no encoding that is recognized "
            f"(UTF-8, UTF-16, cp1252); name the file's encoding with {setting('encoding')}"
        ) from None
    return _line_ends(text), (_note(source, "cp1252 (Western European Windows)"),)


def text_codec(encoding: str) -> str:
    """Return Python's name of a text encoding; an encoding that does not exist is an :class:`OptionError`."""
    try:
        codec = codecs.lookup(encoding.strip())
        "".encode(codec.name)  # refuses codecs such as hex, which turn bytes into bytes
    except (LookupError, ValueError):
        raise OptionError(
            f"{setting('encoding', encoding)}: there is no such text encoding; try utf-8, utf-16, cp1252 or latin-1"
        ) from None
    return "utf-8-sig" if codec.name == "utf-8" else codec.name


def _note(source: str, name: str) -> Note:
    return Note(f"{source} is read as {name}", "encoding")


def _line(data: bytes, offset: int) -> int:
    return data.count(b"\n", 0, offset) + 1


def _line_ends(data: bytes) -> bytes:
    """Turn lone carriage returns, the line ends of old Macintosh files, into line feeds."""
    return _LONE_CARRIAGE_RETURN.sub(b"\n", data) if b"\r" in data else data


def _transcode(data: bytes, source: str, codec: str, name: str) -> bytes:
    try:
        text = data.decode(codec).encode()
    except UnicodeDecodeError as error:
        raise DataError(
            f"{source}, line {_line(data, error.start)}: byte 0x{data[error.start]:02x} is not {name}; "
            f"name the file's encoding with {setting('encoding')}"
        ) from None
    except UnicodeEncodeError:
        raise DataError(
            f"{source} holds characters that are not Unicode when it is read as {name}; name another {setting('encoding')}"
        ) from None
    if b"\0" in text:
        line = _line(text, text.index(b"\0"))
        raise DataError(
            f"{source}, line {line}: holds zero characters when it is read as {name}; name the file's encoding with {setting('encoding')}"
        )
    return text


def _refuse_signatures(data: bytes, source: str) -> None:
    for signature, name in _SIGNATURES:
        if data.startswith(signature):
            raise DataError(f"{source} is {name}, not text; give the file the ending of what it holds, or save the table as .csv")


def _binary(data: bytes, source: str, offset: int) -> DataError:
    return DataError(
        f"{source} is not a text file: byte 0x{data[offset]:02x} at position {offset}; "
        f"save the table as .csv, or name the file's encoding with {setting('encoding')}"
    )


def _utf16_without_mark(data: bytes) -> str | None:
    """Return ``le`` or ``be`` if zero bytes stand where UTF-16 text has them: every second byte of Western text is zero."""
    sample = data[:4096]
    half = len(sample) // 2
    if half == 0 or len(data) % 2:
        return None
    first, second = sample[0::2].count(0), sample[1::2].count(0)
    if second > 0.4 * half and first < 0.05 * half:
        return "le"
    if first > 0.4 * half and second < 0.05 * half:
        return "be"
    return None


def _first_bad_byte(data: bytes) -> int | None:
    """Return the offset of the first byte that breaks UTF-8; decoded block by block, so that no second copy is held."""
    if data.isascii():
        return None
    decoder = codecs.getincrementaldecoder("utf-8")()
    for start in range(0, len(data), _BLOCK):
        pending = len(decoder.getstate()[0])
        try:
            decoder.decode(data[start : start + _BLOCK], final=start + _BLOCK >= len(data))
        except UnicodeDecodeError as error:
            return start - pending + error.start
    return None


def _mostly_utf8(data: bytes) -> bool:
    """Say whether most bytes above 127 form UTF-8 sequences; in cp1252 text such pairs (``Ã¤``) hardly occur."""
    in_sequences = sum(len(match) for match in _UTF8_SEQUENCE.findall(data))
    return 2 * in_sequences > len(_HIGH.findall(data))
