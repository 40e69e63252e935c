"""CSV files as Spark, MySQL, Excel and others write them: read by a strict rule or a stated encoding, or refused."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from gpucost.engine.source import SourceError
from gpucost.sources.tasks import EVENTS, open_database

HEADER = "task_id,service_name,status,creation_ts,node_id,metainfo\n"
Row = tuple[str | None, ...]


def rows_of(path: Path | str) -> list[Row]:
    """Service, node_id and metainfo of the rows, by task_id."""
    with open_database(str(path)) as database:
        relation = database.bring(EVENTS, None)
        columns = "service_name, nullif(node_id, ''), nullif(metainfo, '')"
        return database.con.execute(f"SELECT {columns} FROM {relation} ORDER BY task_id").fetchall()


def written(folder: Path, text: str, encoding: str = "utf-8", *, header: str = HEADER, name: str = "tasks.csv") -> Path:
    path = folder / name
    path.write_bytes((header + text).encode(encoding))
    return path


class TestBackslashes:
    def test_spark_escapes_quotes(self, tmp_path: Path) -> None:
        """A backslash before a quote is one with it; any other stands for itself, as in the escapes of JSON."""
        path = written(
            tmp_path, r'1,"say \"hi\"",running,2025,,"{\"node_name\": \"l4\", \"p\": \"\\\"a\\\" \n\u00e9\"}"' + "\n"
        )
        assert rows_of(path) == [('say "hi"', None, r'{"node_name": "l4", "p": "\"a\" \n\u00e9"}')]

    def test_mysql_escapes_itself_too(self, tmp_path: Path) -> None:
        """Told by its null, which stands without quotes."""
        text = (
            r'1,"C:\\dir\\","running","2025",\N,"{\"p\": \"a\\nb\"}"' + '\n2,"two\\\nlines","running","2025","7",\\N\n'
        )
        assert rows_of(written(tmp_path, text)) == [("C:\\dir\\", None, r'{"p": "a\nb"}'), ("two\nlines", "7", None)]

    @pytest.mark.parametrize("separator", [";", "\t", "|"])
    def test_other_separators(self, separator: str, tmp_path: Path) -> None:
        text = (
            separator.join(["1", "s", "running", "2025", "7", r'"{\"node_name\": \"a' + separator + r'b\"}"']) + "\r\n"
        )
        path = written(tmp_path, text, header=HEADER.replace(",", separator))
        assert rows_of(path) == [("s", "7", '{"node_name": "a' + separator + 'b"}')]

    @pytest.mark.parametrize(
        ("text", "service"),
        [
            ('1,"C:\\dir\\",running,2025,7,x\n', "C:\\dir\\"),
            ('1,"a \\""b\\"" c",running,2025,7,x\n', 'a \\"b\\" c'),
            ('1,"\\",running,2025,7,x\n2,"\\",running,2025,7,x\n', "\\"),
            ('1,a\\"b,running,2025,7,x\n', 'a\\"b'),
            ("1,\\N,running,2025,7,x\n", "\\N"),
            ('1,"{""p"": ""a\\""b""}\\",running,2025,7,x\n', '{"p": "a\\"b"}\\'),
        ],
    )
    def test_rfc_4180_with_backslashes_is_read_as_it_stands(self, text: str, service: str, tmp_path: Path) -> None:
        assert rows_of(written(tmp_path, text))[0] == (service, "7", "x")

    @pytest.mark.parametrize("text", ['1,"a "b" c",running,2025,7,x\n', '1,"a \\"b" c",running,2025,7,x\n'])
    def test_quotes_by_no_rule_are_refused(self, text: str, tmp_path: Path) -> None:
        with pytest.raises(SourceError, match="quotes within a field must be doubled or escaped by a backslash"):
            rows_of(written(tmp_path, text))

    def test_rows_of_another_length_are_named(self, tmp_path: Path) -> None:
        path = written(tmp_path, "1,s,running,2025,7,x\n2,s,running\n", "utf-16")
        with pytest.raises(SourceError, match="line 3 has 3 fields, and its header 6"):
            rows_of(path)

    def test_files_of_both_rules_are_one_table(self, tmp_path: Path) -> None:
        written(tmp_path, '1,"a ""b""",running,2025,7,x\n', name="a.csv")
        written(tmp_path, '2,"a \\"b\\"",running,2025,7,x\n', name="b.csv")
        written(tmp_path, "3,é,running,2025,7,x\n", "utf-16", name="c.csv")
        assert rows_of(tmp_path / "*.csv") == [('a "b"', "7", "x"), ('a "b"', "7", "x"), ("é", "7", "x")]

    def test_a_compressed_file(self, tmp_path: Path) -> None:
        path = written(tmp_path, '1,"a \\"b\\"",running,2025,7,x\n')
        packed = tmp_path / "tasks.csv.gz"
        packed.write_bytes(gzip.compress(path.read_bytes()))
        assert rows_of(packed) == [('a "b"', "7", "x")]


class TestEncodings:
    TEXT = "1,é😀,running,2025,7,x\n"

    @pytest.mark.parametrize(
        ("mark", "encoding"),
        [
            (b"\xff\xfe", "utf-16-le"),
            (b"\xfe\xff", "utf-16-be"),
            (b"\xff\xfe\0\0", "utf-32-le"),
            (b"\0\0\xfe\xff", "utf-32-be"),
            (b"\xef\xbb\xbf", "utf-8"),
        ],
    )
    def test_a_byte_order_mark_states_it(self, mark: bytes, encoding: str, tmp_path: Path) -> None:
        path = tmp_path / "tasks.csv"
        path.write_bytes(mark + (HEADER + self.TEXT).encode(encoding))
        assert rows_of(path) == [("é😀", "7", "x")]

    def test_without_the_mark_it_has_to_be_stated(self, tmp_path: Path) -> None:
        path = written(tmp_path, self.TEXT, "utf-16-le")
        with pytest.raises(
            SourceError, match=r"as UTF-16 without a byte order mark does; .*tasks.csv\?encoding=utf-16-le"
        ):
            rows_of(path)
        assert rows_of(f"{path}?encoding=utf-16-le") == [("é😀", "7", "x")]

    @pytest.mark.parametrize("stated", ["latin-1", "ISO-8859-1", "windows-1252", "cp1252"])
    def test_latin_1_as_stated(self, stated: str, tmp_path: Path) -> None:
        path = written(tmp_path, "1,é,running,2025,7,x\n", "latin-1")
        assert rows_of(f"{path}?encoding={stated}") == [("é", "7", "x")]
        assert rows_of(f"{tmp_path}/*.csv?encoding={stated}") == [("é", "7", "x")]

    def test_latin_1_unstated_is_refused(self, tmp_path: Path) -> None:
        """With the place of the byte, counted from 0, and both remedies."""
        path = written(tmp_path, "1,é,running,2025,7,x\n", "latin-1")
        with pytest.raises(SourceError) as refused:
            rows_of(path)
        assert str(refused.value) == (
            f"{path} can't be read as UTF-8: byte 59 (in line 2) is 0xE9. State the encoding after the path, such as "
            f"{path}?encoding=latin-1, or convert the file: iconv -f LATIN1 -t UTF-8"
        )

    def test_an_encoding_that_does_not_exist(self, tmp_path: Path) -> None:
        path = written(tmp_path, self.TEXT)
        for stated in ("klingon", "rot13", ""):
            with pytest.raises(SourceError, match="is no encoding that gpucost knows; it takes utf-8, utf-16, latin-1"):
                rows_of(f"{path}?encoding={stated}")

    def test_a_file_of_that_very_name(self, tmp_path: Path) -> None:
        assert rows_of(written(tmp_path, self.TEXT, name="a?encoding=x.csv")) == [("é😀", "7", "x")]


class TestLines:
    ROW = '1,é,running,2025,7,"{""node_name"": ""l4""}"\n'

    @pytest.mark.parametrize("first", ["\r\n", "\n"])
    def test_line_ends_of_two_kinds(self, first: str, tmp_path: Path) -> None:
        """A file that was put together on two systems."""
        rows = self.ROW.replace("\n", first) + self.ROW.replace("1,", "2,", 1) + self.ROW.replace("1,", "3,", 1)
        path = written(tmp_path, rows, header=HEADER.replace("\n", "\r\n"))
        assert rows_of(path) == [("é", "7", '{"node_name": "l4"}')] * 3

    @pytest.mark.parametrize(
        ("last", "fields"),
        [("2,a\n", "2 fields"), ("(1 row)\n", "1 field"), ("2,a,running,2025,7,x,y,z\n", "8 fields")],
    )
    def test_a_row_of_another_width_is_named(self, last: str, fields: str, tmp_path: Path) -> None:
        path = written(tmp_path, self.ROW + last)
        with pytest.raises(SourceError) as refused:
            rows_of(path)
        assert str(refused.value).startswith(
            f"{path} can't be read: line 3 has {fields}, and its header 6; mend or remove that line"
        )

    def test_a_quote_that_is_never_closed_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(SourceError, match="line 3: unexpected end of data; mend or remove that line"):
            rows_of(written(tmp_path, self.ROW + '2,"a,running'))


class TestDamagedGzip:
    WHOLE = gzip.compress((HEADER + "1,a,running,2025,7,x\n" * 100).encode(), mtime=0)

    @pytest.mark.parametrize(
        "content",
        [HEADER.encode(), WHOLE[:-9], WHOLE[:20], WHOLE[:12] + b"\xff" * 20 + WHOLE[32:], WHOLE[:-8] + b"\0" * 8],
    )
    def test_it_is_named(self, content: bytes, tmp_path: Path) -> None:
        """No gzip at all, cut short, or with other bytes within or at the end."""
        path = tmp_path / "tasks.csv.gz"
        path.write_bytes(content)
        with pytest.raises(
            SourceError, match=r"tasks.csv.gz can't be unpacked: .*Copy or export it again, or rename it"
        ):
            rows_of(path)
