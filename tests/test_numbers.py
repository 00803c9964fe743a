"""Every number in the text has a voucher: `tests.text` says what that means, and how to get one.

python -m tests.test_numbers    # how many numbers there are, and who vouches for them
"""

import random
import re
from dataclasses import replace

import pytest

from tests import text
from tests.text import asked, judge, lesson, numbers, texts, unvouched, vouchers, vouchers_in

EVERYTHING = list(text.everything())
FILES = sorted({one.file for one in EVERYTHING})


@pytest.mark.parametrize("file", FILES)
def test_every_number_has_a_voucher(file):
    left = list(unvouched(one for one in EVERYTHING if one.file == file))
    assert not left, f"{len(left)} numbers that nobody vouches for:\n" + "\n".join(left)


@pytest.mark.parametrize("voucher", vouchers(), ids=lambda v: f"{v.where}-{v.phrase}")
def test_every_voucher_still_stands_in_the_text(voucher):
    """What a test says that the text says is there: also of a test that is too slow to run here."""
    if voucher.file == "questions":
        asked(voucher.cell, voucher.phrase)
    else:
        folder, name = voucher.file.split("/")
        text.value(text.notebook(folder, name)[voucher.cell], voucher.phrase)


# --- The machinery -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("phrase", "value"),
    [
        ("a factor of 119,000 in", 119_000),
        ("3.4·10³⁸", 3.4e38),
        ("2.5 × 10⁻¹³", 2.5e-13),
        (r"$2.6\times10^{-13}$ of it", 2.6e-13),
        ("10⁻⁴", 1e-4),
        ("$10^{-4}$", 1e-4),
        ("10<sup>−4</sup>", 1e-4),
        ("by ½", 0.5),
        ("1½ layers", 1.5),
        ("44 %", 0.44),
        (r"$44\%$", 0.44),
        ("×117", 117),
        ("−0.02", -0.02),
        ("$-0.9$", -0.9),
        ("1e-3", 1e-3),
        ("0{.}5", 0.5),
        ("1{,}437 digits", 1437),
        (r"1\,437 digits", 1437),
        ("×33 million", 33e6),
        ("14 millionths", 14e-6),
        ("$1.1^{50}$", 1.1**50),
        (r"$1.1^{2 \times 25}$", 1.1**50),
        ("0.9⁵⁰", 0.9**50),
        (r"$\tfrac12$", 0.5),
        (r"\frac{1}{3}", 1 / 3),
        ("**945,000**:", 945_000),
        ("31–44 %", (0.31, 0.44)),
        ("5 to 7 % wrong", (0.05, 0.07)),
        ("7.93 against 6.43 %", (0.0793, 0.0643)),
        ("between 3 and 4 million", (3e6, 4e6)),
        ("n − 1", 1),
        ("64-bit", 64),
        ("8× deeper", 8),
    ],
)
def test_numbers_are_read_as_they_are_written(phrase, value):
    found = tuple(n.value for n in numbers(phrase))
    assert found == pytest.approx(value if isinstance(value, tuple) else (value,))


@pytest.mark.parametrize(
    "phrase",
    [
        "float32",
        "$h_0$",
        "$W_{12}$",
        "h₀",
        "$g^2$",
        "`depth=50`",
        "[x](../04_x.ipynb)",
        "CIFAR-10",
        "2L",
        "EQ N1.7",
    ],
)
def test_parts_of_names_are_no_numbers(phrase):
    assert numbers(phrase) == []


def test_what_a_lesson_says():
    said = lesson("04_residual_connections")
    with pytest.raises(AssertionError, match="no markdown cell 'no-such-cell'"):
        said("no-such-cell", "117")
    with pytest.raises(AssertionError, match="does not say '118'"):
        said("explain-scalar", "118")
    with pytest.raises(AssertionError, match="cuts through the number '56'"):
        said("play-first", "other 5")
    with pytest.raises(AssertionError, match="times: take more words"):
        said("play-first", "the")
    with pytest.raises(ValueError, match="no notebook notebooks/04_x"):
        lesson("04_x")("title", "4")


def of(source, code=""):
    cells = [
        {"cell_type": "markdown", "id": "one", "source": source},
        {"cell_type": "code", "id": "c", "source": code},
    ]
    return texts("notebooks/a-lesson", cells)["one"]


def kinds(source, *phrases, code=""):
    return [kind for _, kind in judge(of(source, code), phrases)]


class TestWhoVouches:
    def test_structure(self):
        assert kinds("In chapters 4 and 5, section 2 (EQ 7), since 2015, 15 points, about 20 minutes, 8×8.")
        assert set(
            kinds("In chapters 4 and 5, section 2, since 2015, 15 points, about 20 minutes, 8×8.")
        ) == {"structure"}
        assert kinds("## 4 · The 17 ways") == ["structure", None]
        assert kinds("4. First 17") == ["structure", None]

    def test_assertions(self):
        assert kinds("It is ×117 and ×118.", "is ×117") == ["asserted", None]
        assert kinds("It is ×711.", "is ×117") == [None]  # the text was changed
        assert kinds("It is 0.1 or 0.1.", "0.1") == [None, None]  # which of them?

    @pytest.mark.parametrize(
        ("right", "wrong"),
        [
            ("$1.1^{50} = 117$ is growth", "$1.1^{50} = 171$ is growth"),
            ("0.9⁵⁰ ≈ 0.005", "0.9⁵⁰ ≈ 0.006"),
            ("256/2 = 128", "256/2 = 182"),
            ("it is $(1 + 0.5^2)^{25} ≈ 265$.", "it is $(1 + 0.6^2)^{25} ≈ 265$."),
            (r"$\sqrt e = 1.65$", r"$\sqrt e = 1.56$"),
            ("√(1 + 0.7) = 1.30, and", "√(1 + 0.9) = 1.30, and"),
            ("1 + 50 · 0.1 = 6 is", "1 + 50 · 0.1 = 7 is"),
            (r"$0.25^{20} = 9.1\times10^{-13}$", r"$0.25^{20} = 9.1\times10^{-12}$"),
            (r"$\tfrac12 = 0.5$", r"$\tfrac12 = 0.4$"),
            ("about 1,437/9 = 160 each", "about 1,437/9 = 170 each"),
        ],
    )
    def test_arithmetic(self, right, wrong):
        assert set(kinds(right)) == {"computed"}
        assert "computed" not in kinds(wrong)

    def test_half_a_formula_is_no_arithmetic(self):
        assert "computed" not in kinds(
            "$x + 5 = 5$ and $5 = 5 + x$ and $5 = 5 x$ and n · 7 = 7, h₁ + 8/2 = 4"
        )

    def test_quotations(self):
        assert kinds("The error is 6.43 % (He et al. 2015, table 6). Ours is 7 %.")[0] == "quoted"
        assert kinds("The error is 6.43 % (He et al. 2015, table 6). Ours is 7 %.")[-1] is None
        assert kinds("Loshchilov & Hutter 2019 use 0.05.")[-1] == "quoted"
        assert kinds("> “Before ResNet 20 layers were the limit.” Is it? Ours has 56. (He et al. 2016)")[
            :2
        ] == ["quoted", None]
        table = "| layers | He et al. (2015) | ours |\n|---|---|---|\n| 20 | 8.75 % | 4 % |"
        assert kinds(table)[1:] == [None, "quoted", None]
        assert kinds("# References\n\nabout 0.6") == [None]

    def test_settings(self):
        assert kinds("A net of 50 layers.", code="f(depth=50)") == ["setting"]
        assert kinds("At rate 0.05.", code="f(0.05)") == ["setting"]
        assert kinds("Weights of 0.125.", code="f(1 / 8)") == ["setting"]
        assert kinds("Blocks of 64 and 50.", code="gradient_flow()") == [None, "setting"]
        for claim in (
            "about 50",
            "×50",
            "50 %",
            "more than 50",
            "50 times",
            "≈ 50",
            "only **50**",
            "a factor of 50",
        ):
            assert kinds(f"We got {claim} there.", code="f(50, 0.5)") == [None], claim

    def test_counting(self):
        assert kinds("With 2 or 3 of 4") == ["counting", "counting", None]
        assert kinds("×2, 3 %, about 2, 2.0, 2.6") == [None, None, None, "counting", None]


class TestVouchers:
    """Which calls of `said` vouch."""

    HEAD = 'from tests.text import asked, lesson\nsaid = lesson("04_residual_connections")\n'

    def found(self, body):
        return [(v.file, v.cell, v.phrase) for v in vouchers_in(self.HEAD + body)]

    @pytest.mark.parametrize(
        "body",
        [
            'def test_a():\n    assert 1.1**50 == pytest.approx(said("c", "117"), rel=0.01)',
            'def test_a():\n    want = said("c", "117")\n    assert f() < want',
            'def test_a():\n    low, high = said("c", "117")\n    assert low < f() < high',
            'def test_a():\n    np.testing.assert_allclose(f(), said("c", "117"))',
            'class TestA:\n    def test_a(self):\n        assert f() > said("c", "117")',
            '@pytest.mark.parametrize("x", [said("c", "117"), 3])\ndef test_a(x):\n    assert f(x) > 0',
            'TABLE = {"a": said("c", "117")}\ndef test_a():\n    assert f() == TABLE["a"]',
            'def test_a():\n    assert np.allclose(f(), said("c", "117"))',
            'def test_a():\n    assert not is_large(said("c", "117"))',
            'def test_a():\n    for x in (said("c", "117"), 4):\n        assert f(x) == x',
        ],
    )
    def test_in_an_assertion(self, body):
        assert self.found(body) == [("notebooks/04_residual_connections", "c", "117")]

    def test_of_workbooks_and_questions(self):
        body = (
            'work = workbook("x")\n'
            'def test_a():\n    assert f() == work("c", "1")\n    assert f() == asked("q", "2")'
        )
        assert self.found(body) == [("solutions/x", "c", "1"), ("questions", "q", "2")]

    @pytest.mark.parametrize(
        "body",
        [
            'def test_a():\n    said("c", "117")',
            'def test_a():\n    x = said("c", "117")\n    assert True',
            'def test_a():\n    assert said("c", "117")',
            'def test_a():\n    assert not said("c", "117")',
            'def test_a():\n    assert said("c", "117") == 117',
            'def test_a():\n    assert pytest.approx(117) == said("c", "117")',
            'def test_a():\n    x, y = said("c", "117 and 118")\n    assert x < y',
            'def test_a():\n    x = 117\n    assert x == said("c", "117")',
            'def helper():\n    assert f() == said("c", "117")',
            'def test_a():\n    for phrase in ["117"]:\n        assert f() == said("c", phrase)',
            '@pytest.mark.parametrize("x", [said("c", "117")])\ndef test_a(x):\n    assert f() > 0',
        ],
    )
    def test_not_without_an_assertion_that_can_fail(self, body):
        assert self.found(body) == []


# --- Is a changed number noticed? ----------------------------------------------------------------


def replaced(one, number, digits):
    """The Text with other digits in the place of a number."""
    return replace(one, source=one.source[: number.start] + digits + one.source[number.end :])


def faults(one):
    """How many numbers of a Text nobody vouches for, and how many vouchers find nothing in it."""
    orphans = sum(kind is None for _, kind in text.judged(one))
    return orphans + sum(not stands(one, voucher.phrase) for voucher in text.vouchers_of(one))


def stands(one, phrase):
    try:
        one.span(phrase)
    except AssertionError:
        return False
    return True


@pytest.mark.parametrize(("old", "new"), [("117", "711"), ("119,000", "191,000")])
def test_a_change_in_chapter_4_is_noticed(old, new):
    places = [
        (one, number)
        for one in EVERYTHING
        if one.file == "notebooks/04_residual_connections"
        for number in one.numbers
        if one.source[number.start : number.end] == old
    ]
    assert places, f"chapter 4 does not say {old} any more"
    for one, number in places:
        assert faults(one) == 0, f"[{one.cell}] has numbers that nobody vouches for"
        assert faults(replaced(one, number, new)) > 0, f"nobody sees that [{one.cell}] says {new} for {old}"


def another(written, rng):
    """The same number with one other digit, so that its value is another."""
    value = numbers(written)[0].value
    while True:
        at = rng.choice([i for i, c in enumerate(written) if c in "0123456789"])
        other = written[:at] + rng.choice("123456789") + written[at + 1 :]
        if [n.value for n in numbers(other)] != [value]:
            return other


def test_hardly_a_changed_number_slips_through():
    """Of 200 numbers, asserted or computed: a quotation is its paper's, and a setting is no claim.

    What slips through is arithmetic that stays right to the digits that it shows: √(324/16) is 4.5 as well.
    """
    rng = random.Random(0)
    claims = [
        (one, number)
        for one in EVERYTHING
        for number, kind in text.judged(one)
        if kind in ("asserted", "computed") and re.search("[0-9]", one.source[number.start : number.end])
    ]
    slipped = []
    for one, number in rng.sample(claims, min(200, len(claims))):
        new = another(one.source[number.start : number.end], rng)
        if faults(replaced(one, number, new)) <= faults(one):
            slipped.append(f"{one.file} [{one.cell}] {one.source[number.start : number.end]} -> {new}")
    assert len(slipped) <= 10, f"{len(slipped)} of 200 slipped through:\n" + "\n".join(slipped)


if __name__ == "__main__":
    print(text.table())
