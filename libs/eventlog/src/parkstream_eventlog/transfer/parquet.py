"""Records as Parquet, where pyarrow is installed."""

from collections.abc import Sequence
from importlib import import_module
from types import TracebackType
from typing import Any, BinaryIO, Final, Self

from parkstream_eventlog.log import Record

ROW_GROUP: Final = 50_000


class ParquetSink:
    """A Parquet file, whose metadata name the log *log_id*, written in row groups; use it as a context manager."""

    def __init__(self, file: BinaryIO, log_id: str) -> None:
        try:
            self._arrow: Any = import_module("pyarrow")
            parquet: Any = import_module("pyarrow.parquet")
        except ImportError as error:
            message = "Parquet needs pyarrow, which is not installed: pip install pyarrow, or export as jsonl"
            raise ImportError(message) from error
        self._schema = self._arrow.schema(_fields(self._arrow), metadata={"log_id": log_id})
        self._writer = parquet.ParquetWriter(file, self._schema, compression="zstd")
        self._waiting: list[Record] = []

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write what waits and the footer."""
        if kind is None and self._waiting:
            self._write_group()
        self._writer.close()

    def write(self, records: Sequence[Record]) -> None:
        """See ``Sink.write``."""
        self._waiting += records
        if len(self._waiting) >= ROW_GROUP:
            self._write_group()

    def _write_group(self) -> None:
        columns = zip(*self._waiting, strict=True)
        arrays = [
            self._arrow.array(column, type=field.type) for column, field in zip(columns, self._schema, strict=True)
        ]
        self._writer.write_table(self._arrow.table(arrays, schema=self._schema), row_group_size=len(self._waiting))
        self._waiting = []


def _fields(arrow: Any) -> list[tuple[str, Any]]:  # noqa: ANN401 - a module
    """Return the columns: those of a record, bodies as bytes."""
    types = (
        arrow.int64(),
        arrow.string(),
        arrow.string(),
        arrow.binary(),
        arrow.int64(),
        arrow.int64(),
        arrow.string(),
    )
    return list(zip(Record._fields, types, strict=True))
