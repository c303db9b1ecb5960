# Types of the compiled core.

from typing import TypedDict

__version__: str

class FoundMetainfo(TypedDict):
    name: str
    v1: bytes | None
    v2: bytes | None
    info_span: tuple[int, int]
    piece_length_bytes: int
    size_bytes: int
    files: list[tuple[str, int, bytes | None, bool, str | None]]
    is_private: bool
    announce: list[list[str]]
    web_seeds: list[str]
    comment: str | None
    created_by: str | None
    creation_date: int | None
    source: str | None
    similar: list[bytes]
    collections: list[str]
    update_url: str | None

def scan_metainfo(
    data: bytes, size_bytes: int
) -> tuple[FoundMetainfo | None, list[tuple[str, int, str]], list[tuple[str, int, str]]]: ...
def rewrite_metainfo(data: bytes, announce: list[list[str]], web_seeds: list[str] | None, size_bytes: int) -> bytes: ...
