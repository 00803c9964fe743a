"""Paths: every corner of its controls, and what it says about what it shows."""

from itertools import product

import numpy as np
import pytest

from helpers.chapters.residual.paths import EPOCHS, experiment
from helpers.instruments import paths
from tests.instruments import assert_it_can_be_drawn, check_corner, page, verdict


@pytest.mark.parametrize("depth", [3, 27])
def test_every_corner_of_the_paths(depth):
    instrument = paths(depth=depth)
    assert_it_can_be_drawn(instrument.figure.paper)
    ends = {control.name: control.extremes() for control in instrument.controls if control.name != "depth"}
    for values in product(*ends.values()):
        corner = {"depth": depth, **dict(zip(ends, values, strict=True))}
        check_corner(instrument, corner)
        r = instrument.result
        assert len(r.paths) == len(r.carried) == len(r.predicted) == len(r.kept) + 1
        for shares in (r.paths, r.carried, r.predicted):
            assert shares.sum() == pytest.approx(1)
        assert len(r.residual.lesions) == len(r.plain.lesions) == depth


def test_a_cut_shows_what_the_curve_of_all_cuts_says():
    instrument = paths(depth=6)
    lesions = instrument.result.residual.lesions
    for block in (1, 4, 6):
        instrument.set(deleted=block)
        assert instrument.result.accuracy == pytest.approx(lesions[block - 1])
        assert list(instrument.result.kept) == [i for i in range(6) if i != block - 1]
    instrument.set(deleted=27)  # the slider cannot count above the number of blocks
    assert instrument.result.accuracy == pytest.approx(lesions[5])


def test_blocks_that_are_kept_stay_when_the_probability_rises():
    instrument = paths(depth=12, network="at the start")
    kept = set()
    for keep in instrument.controls[3].values:
        instrument.set(keep=keep)
        assert kept <= set(instrument.result.kept)
        kept = set(instrument.result.kept)
    assert kept == set(range(12))


def test_the_keep_probability_is_a_line_in_the_figure_and_the_blocks_below_it_stay():
    instrument = paths(depth=12, network="at the start", keep=0.4, deleted=3)
    r, (blocks, keep) = instrument.result, instrument._about["places"]
    below = {i for i in range(12) if r.luck[i] < 0.4}
    assert set(r.kept) == below - {2}
    left, dropped = (instrument._artists[name].get_xydata() for name in ("in", "out"))
    np.testing.assert_allclose(left, [[(i + 1) / 12, r.luck[i]] for i in r.kept])
    assert len(left) + len(dropped) == 12
    axes = instrument.figure.figure.axes[2]
    name, heights = keep["y"]
    assert name == "keep" and list(instrument._artists["keep"].get_ydata()) == [0.4, 0.4]
    values = next(one.values for one in instrument.controls if one.name == "keep")
    up = axes.transData.transform([[0, value] for value in values])[:, 1]
    np.testing.assert_allclose(heights, instrument.figure.figure.bbox.height - up, atol=0.06)
    # What is deleted is chosen among the marks of the blocks, which move with the depth.
    marks = instrument.figure._ink.curves[blocks["x"][1]]
    np.testing.assert_allclose(marks.get_xdata(), np.arange(13) / 12)


def test_training_shows_epoch_after_epoch_and_then_the_cuts():
    settings = paths(depth=3, seed=11, network="at the start").settings
    settings.network = "trained"
    results = list(experiment(settings))
    assert [r.epochs for r in results] == list(range(1, EPOCHS + 1))
    assert all(np.isnan(r.residual.lesions).all() and r.plain is None for r in results[:-1])
    assert np.isfinite(results[-1].plain.lesions).all()
    assert len(list(experiment(settings))) == 1  # nothing is trained twice


def test_the_words_of_an_untrained_network():
    instrument = paths(network="at the start", depth=9)
    assert verdict(instrument) == "UNTRAINED"
    assert "512" in page(instrument)
    assert instrument.result.epochs == 0
