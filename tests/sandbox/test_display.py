"""Figures, tables, images and files that the code makes reach the host as checked artifacts."""

from __future__ import annotations

import csv
import io

import pytest
from PIL import Image

from agentui.sandbox.base import Sandbox, SandboxPool
from agentui.sandbox.step import MAX_ARTIFACTS
from tests.sandbox.conforming import WITH_PACKAGES
from tests.sandbox.helpers import RecordingHost

WITH_FILES = pytest.mark.parametrize("pool", ["A", "B", "U", "U-spawn", "R+packages"], indirect=True)


def names(host: RecordingHost) -> list[tuple[str, str]]:
    return [(artifact.name, artifact.media_type) for artifact in host.artifacts]


@WITH_FILES
async def test_shown_and_open_figures_become_pictures_and_are_closed(sandbox: Sandbox, host: RecordingHost) -> None:
    code = "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()\nplt.figure()\nplt.figure()\n"
    result = await sandbox.execute(code + "len(plt.get_fignums())", host)
    assert (result.error, result.value) == (None, 2)
    assert [media_type for _, media_type in names(host)] == ["image/png"] * 3
    assert Image.open(io.BytesIO(host.artifacts[0].data)).size == (640, 480)
    assert len({artifact.artifact_id for artifact in host.artifacts}) == 3
    assert (await sandbox.execute("plt.get_fignums()", host)).value == []


@WITH_FILES
async def test_a_figure_of_a_failed_step_is_shown_too(sandbox: Sandbox, host: RecordingHost) -> None:
    result = await sandbox.execute("import matplotlib.pyplot as plt\nplt.figure()\n1 / 0", host)
    assert result.error is not None
    assert (result.error.kind, len(host.artifacts)) == ("ZeroDivisionError", 1)


@WITH_PACKAGES
@pytest.mark.parametrize("code", ["t", "final_answer(t)"])
async def test_a_table_is_a_value_and_a_file(sandbox: Sandbox, host: RecordingHost, code: str) -> None:
    await sandbox.execute("import pandas as pd\nt = pd.DataFrame({'a': [1, 2], 'b': ['x', 'ü']})", host)
    result = await sandbox.execute(code, host)
    assert result.value.to_dict("list") == {"a": [1, 2], "b": ["x", "ü"]}
    assert result.value_repr is not None
    assert "ü" in result.value_repr
    rows = list(csv.reader(io.StringIO(host.artifacts[0].data.decode())))
    assert rows == [["a", "b"], ["1", "x"], ["2", "ü"]]


@WITH_PACKAGES
async def test_a_long_table_is_cut_and_says_so(sandbox: Sandbox, host: RecordingHost) -> None:
    result = await sandbox.execute("import pandas as pd\npd.DataFrame({'a': range(100_000)})", host)
    assert result.error is None
    assert host.artifacts[0].data.count(b"\n") == 10_001
    assert "the first 10,000 of 100,000 rows" in host.text("stderr")


@WITH_PACKAGES
async def test_an_image_is_a_value_and_a_file(sandbox: Sandbox, host: RecordingHost) -> None:
    result = await sandbox.execute("from PIL import Image\nImage.new('RGB', (3, 2), 'red')", host)
    assert result.value.size == (3, 2)
    assert names(host) == [("image-1.png", "image/png")]


@WITH_FILES
async def test_new_and_changed_files_are_collected_once(sandbox: Sandbox, host: RecordingHost) -> None:
    await sandbox.execute("open('a.csv', 'w').write('x')\nopen('.hidden', 'w').write('x')\nNone", host)
    await sandbox.execute("1", host)
    await sandbox.execute("open('a.csv', 'w').write('xy')\nopen('b.html', 'w').write('<script>')\nNone", host)
    assert names(host) == [("a.csv", "text/csv"), ("a.csv", "text/csv"), ("b.html", "application/octet-stream")]
    assert [artifact.data for artifact in host.artifacts] == [b"x", b"xy", b"<script>"]


@WITH_FILES
async def test_too_many_and_too_large_files_are_named_not_kept(sandbox: Sandbox, host: RecordingHost) -> None:
    code = "for i in range(30): open(f'f{i:02}.txt', 'w').write('x')\nopen('a.bin', 'wb').write(bytes(17 << 20))\nNone"
    await sandbox.execute(code, host)
    assert len(host.artifacts) == MAX_ARTIFACTS - 1
    assert "'a.bin' is not kept" in host.text("stderr")
    assert "11 more" in host.text("stderr")


async def test_links_and_pipes_are_not_followed(pool: SandboxPool, host: RecordingHost) -> None:
    if pool._tier != "U":  # pyright: ignore[reportPrivateUsage]
        pytest.skip("this tier makes no links at all; see test_hostile.py")
    sandbox = await pool.open()
    code = "import os\nos.symlink('/etc/passwd', 'a.txt')\nos.mkfifo('b.txt')\nos.mkdir('c.txt')\n"
    await sandbox.execute(code + "open('d', 'w').write('x')\nos.link('d', 'e')", host)
    await sandbox.close()
    assert host.artifacts == []


@WITH_FILES
async def test_what_is_displayed_becomes_files_and_the_rest_its_repr(sandbox: Sandbox, host: RecordingHost) -> None:
    code = (
        "import pandas as pd\nfrom PIL import Image\nimport matplotlib.figure as mf\n"
        "display(pd.Series([1, 2], name='s'), {'k': Image.new('L', (2, 2))}, 5)\n"
        "Image.new('RGB', (3, 3)).show()\nfigure = mf.Figure()\nfigure.add_subplot()\n"
    )
    result = await sandbox.execute(code + "[pd.DataFrame({'a': [1]}), figure]", host)
    assert result.error is None
    assert [name for name, _ in names(host)] == [
        *("table-1.csv", "image-2.png", "image-3.png", "table-4.csv", "figure-5.png"),
    ]
    assert host.text() == "5\n"


async def test_more_figures_than_are_shown_are_named(sandbox: Sandbox, host: RecordingHost) -> None:
    await sandbox.execute("import matplotlib.pyplot as plt\nfor _ in range(12): plt.figure()", host)
    assert len(host.artifacts) == 10
    assert "the first 10 of 12 figures" in host.text("stderr")


async def test_a_value_that_cannot_be_shown_is_named_and_still_the_value(sandbox: Sandbox, host: RecordingHost) -> None:
    result = await sandbox.execute("from PIL import Image\nImage.new('1', (20_000, 20_000))", host)
    assert (result.error, host.artifacts) == (None, [])
    assert result.value_repr is not None
    assert "this Image cannot be shown: CodecError" in host.text("stderr")


async def test_a_chart_of_plotly_is_kept_as_its_data_and_says_why(sandbox: Sandbox, host: RecordingHost) -> None:
    code = (
        "import sys, types\nclass BaseFigure:\n    def to_json(self): return '{}'\n"
        "sys.modules['plotly.basedatatypes'] = types.SimpleNamespace(BaseFigure=BaseFigure)\nBaseFigure()"
    )
    result = await sandbox.execute(code, host)
    assert (result.error, names(host)) == (None, [("chart-1.json", "application/json")])
    assert "needs a browser" in host.text("stderr")
