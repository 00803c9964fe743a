"""Training: what a History holds, determinism, early ends, the progress bar, a soak."""

import gc
import subprocess
import sys
import tracemalloc
import warnings

import numpy as np
import pytest

from helpers import progress_bar
from helpers.data import load_digits, spirals
from helpers.layers import BatchNorm, Dropout, Linear, ReLU
from helpers.losses import softmax_cross_entropy, squared_error
from helpers.network import Network, mlp, plain, residual_v2, stack
from helpers.optimizers import SGD, Adam, AdamW, linear_decay
from helpers.training import Training, evaluate, train

X, Y = spirals(200, seed=0)


def small(seed=0, norm=BatchNorm):
    return plain(2, 8, 3, 2, np.random.default_rng(seed), norm=norm)


def fit(network=None, optimizer=None, steps=25, **settings):
    network = network or small()
    optimizer = optimizer or SGD(network.layers, 0.1, 0.9)
    return network, train(network, optimizer, X, Y, steps, **{"batch": 20, **settings})


def test_a_deep_network_learns_the_digits():
    digits = load_digits()
    network = residual_v2(64, 32, 20, 10, np.random.default_rng(0), norm=BatchNorm)
    history = train(network, SGD(network.layers, 0.03, 0.9), digits.x_train, digits.y_train, 150, 64)
    assert history.status == "done"
    assert history.loss[:5].mean() > 1.5 > 0.2 > history.loss[-5:].mean()
    loss, accuracy = evaluate(network, digits.x_test, digits.y_test)
    assert accuracy > 0.92 and loss < 0.5


def test_a_network_learns_what_another_one_does():
    x = np.random.default_rng(1).standard_normal((200, 10), dtype=np.float32)
    y = mlp([10, 32, 1], np.random.default_rng(2), last_act=False).forward(x)
    network = mlp([10, 32, 1], np.random.default_rng(0), last_act=False)
    history = train(network, Adam(network.layers, 0.01), x, y, 200, 50, loss=squared_error)
    assert history.accuracy is None
    assert history.loss[-10:].mean() < 0.1 * history.loss[0]
    loss, accuracy = evaluate(network, x, y, loss=squared_error)
    assert loss < 0.1 and accuracy is None


def test_what_a_history_holds():
    network, history = fit(measure_every=10)
    assert history.loss.shape == history.accuracy.shape == (25,)
    assert np.isfinite(history.loss).all() and (history.accuracy >= 0).all() and (history.accuracy <= 1).all()
    np.testing.assert_array_equal(history.measured, [0, 10, 20])
    assert history.gradient_norms.shape == history.update_ratios.shape == (3, 3)
    assert network.remember and network.outputs == []


def test_what_is_measured_is_what_happened():
    """One step of plain SGD moves W by lr · ∂L/∂W."""
    network, copy = small(norm=None), small(norm=None)
    _, history = fit(network, SGD(network.layers, 0.1), steps=1, batch=None)
    value, grad = softmax_cross_entropy(copy.forward(X), Y)
    copy.backward(grad)
    weights = [layer.params["weight"] for layer in copy.layers if layer.params]
    norms = [np.linalg.norm(layer.grads["weight"]) for layer in copy.layers if layer.params]
    assert history.loss[0] == pytest.approx(value, rel=1e-5)
    np.testing.assert_allclose(history.gradient_norms[0], norms, rtol=1e-4)
    ratios = [0.1 * norm / np.linalg.norm(w) for norm, w in zip(norms, weights, strict=True)]
    np.testing.assert_allclose(history.update_ratios[0], ratios, rtol=1e-4)


def test_an_epoch_shows_every_example_once():
    seen = []

    class Spy(Linear):
        def forward(self, x, train=True):
            if train:
                seen.extend(x[:, 0].tolist())
            return super().forward(x, train)

    network = Network([Spy(2, 2, np.random.default_rng(0))])
    fit(network, steps=10)
    assert sorted(seen) == sorted(X[:, 0].tolist())


def test_what_does_not_fill_a_batch_is_left_out_of_the_epoch():
    seen = []

    def watched(outputs, labels):
        seen.append(len(labels))
        return softmax_cross_entropy(outputs, labels)

    fit(steps=7, batch=60, loss=watched)  # 200 examples: 3 batches an epoch
    assert seen == [60] * 7


def test_evaluate_leaves_the_network_remembering():
    network = small()
    evaluate(network, X, Y)
    assert network.remember and network.outputs == []
    network.remember = False
    evaluate(network, X, Y)
    assert not network.remember


def test_the_same_seed_gives_the_same_bits_and_another_does_not():
    def run(seed, drop=0):
        rng = np.random.default_rng(0)
        layers = [*mlp([2, 16], rng).layers, Dropout(0.3, np.random.default_rng(drop)), Linear(16, 2, rng)]
        network = Network(layers)
        return fit(network, AdamW(layers, 0.01), seed=seed)[1].loss

    np.testing.assert_array_equal(run(1), run(1))
    assert not np.array_equal(run(1), run(2))
    assert not np.array_equal(run(1), run(1, drop=1))


def test_float32_stays_close_to_float64_and_keeps_its_dtype():
    losses = []
    for dtype in (np.float32, np.float64):
        network = plain(2, 8, 3, 2, np.random.default_rng(0), BatchNorm, dtype=np.float64)
        for layer in network.layers:
            layer.params.update({name: p.astype(dtype) for name, p in layer.params.items()})
            for name in layer.state:
                setattr(layer, name, getattr(layer, name).astype(dtype))
        optimizer = SGD(network.layers, 0.05, 0.9)
        losses.append(train(network, optimizer, X.astype(dtype), Y, 15, 20).loss)
        for layer in network.layers:
            assert all(p.dtype == dtype for p in layer.params.values())
            assert all(getattr(layer, name).dtype == dtype for name in layer.state)
    np.testing.assert_allclose(*losses, rtol=1e-3)


def test_a_schedule_and_clipping():
    rates = []

    class Spy(SGD):
        def step(self, rate=1.0):
            norm = np.sqrt(sum(np.sum(layer.grads[n] ** 2) for layer in network.layers for n in layer.params))
            rates.append((rate, norm))
            super().step(rate)

    network = small()
    fit(network, Spy(network.layers, 0.1), steps=4, schedule=linear_decay, max_norm=0.01)
    np.testing.assert_allclose(rates, [(1, 0.01), (0.75, 0.01), (0.5, 0.01), (0.25, 0.01)], rtol=1e-4)


# Early ends


def test_a_run_that_diverges_is_a_result_and_no_warning():
    network = plain(2, 8, 6, 2, np.random.default_rng(0))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _, history = fit(network, SGD(network.layers, 1e12), steps=50)
    assert history.status == "diverged"
    assert 1 < len(history.loss) < 50
    assert np.isfinite(history.loss[:-1]).all() and not np.isfinite(history.loss[-1])


def test_a_network_that_has_diverged_can_be_trained_on_without_a_warning():
    digits = load_digits()
    data = digits.x_train, digits.y_train
    network = plain(64, 32, 50, 10, np.random.default_rng(0))
    for layer in network.layers[::2]:
        layer.params["weight"] *= 100
    assert train(network, SGD(network.layers, 0.1), *data, 2, 64, progress=False).status == "diverged"


def test_one_run_may_diverge_and_the_others_go_on():
    network = stack([plain(2, 8, 6, 2, np.random.default_rng(0)) for _ in range(3)])
    _, history = fit(network, SGD(network.layers, [1e-2, 1e12, 1e-3]), steps=30)
    np.testing.assert_array_equal(history.status, ["done", "diverged", "done"])
    assert history.loss.shape == (30, 3)
    assert np.isfinite(history.loss[:, [0, 2]]).all() and not np.isfinite(history.loss[-1, 1])


def test_ctrl_c_keeps_the_history_so_far():
    class Interrupted(SGD):
        def step(self, rate=1.0):
            if self.t == 12:
                raise KeyboardInterrupt
            super().step(rate)

    network = small()
    network, history = fit(network, Interrupted(network.layers, 0.1), measure_every=5)
    assert history.status == "stopped"
    assert len(history.loss) == len(history.accuracy) == 12
    np.testing.assert_array_equal(history.measured, [0, 5, 10])
    assert len(history.gradient_norms) == len(history.update_ratios) == 3
    assert network.remember


def bit_by_bit(network, optimizer, steps, schedule=None, max_norm=None):
    return Training(
        *(network, optimizer, X, Y, steps, 20, 3, softmax_cross_entropy), schedule, max_norm, measure_every=10
    )


def test_training_bit_by_bit_is_training():
    network = small()
    bits = bit_by_bit(network, SGD(network.layers, 0.1, 0.9), 25, schedule=linear_decay, max_norm=1.0)
    lengths = []
    while not bits.ended:
        bits.advance(10)
        lengths.append(len(bits.history().loss))
        assert network.remember
    assert lengths == [10, 20, 25] and bits.done == 25
    bits.advance(10)  # there is nothing left to do
    _, whole = fit(seed=3, schedule=linear_decay, max_norm=1.0)
    for name in ("loss", "accuracy", "measured", "gradient_norms", "update_ratios"):
        np.testing.assert_array_equal(getattr(bits.history(), name), getattr(whole, name))
    assert bits.history().status == whole.status == "done"


def test_training_bit_by_bit_ends_where_the_loss_does():
    network = plain(2, 8, 6, 2, np.random.default_rng(0))
    bits = bit_by_bit(network, SGD(network.layers, 1e12), 50)
    bits.advance(50)
    assert bits.ended and bits.done < 50 and bits.history().status == "diverged"


def test_no_steps_at_all():
    _, history = fit(steps=0)
    assert history.status == "done" and len(history.loss) == 0
    assert history.gradient_norms.shape == (0, 3)


# Bad input


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": np.where(np.arange(200)[:, None] == 7, np.nan, X)}, "x holds .*NaN"),
        ({"x": X[:-1]}, "x of shape"),
        ({"x": X[:, :1]}, "x of shape"),
        ({"x": X[:, 0]}, "x of shape"),
        ({"y": Y + 1}, "labels y range from 1 to 2.*from 0 to 1"),
        ({"y": Y - 1}, "labels y range from -1 to 0"),
        ({"y": Y + np.nan}, "y holds .*NaN"),
        ({"y": np.array(["a"] * 200)}, "y holds"),
        ({"steps": -1}, "steps=-1"),
        ({"steps": 2.5}, "steps=2.5"),
        ({"batch": 0}, "batch=0"),
        ({"batch": 201}, "batch=201.*to 200"),
        ({"batch": 1}, "batch of at least 2"),
        ({"seed": -1}, "seed=-1"),
        ({"seed": [0, 1]}, "seed=.*no runs"),
        ({"max_norm": 0}, "max_norm=0"),
        ({"measure_every": 0}, "measure_every=0"),
    ],
)
def test_bad_input_is_named_and_changes_nothing(change, message):
    network = small()
    before = [p.copy() for layer in network.layers for p in layer.params.values()]
    given = {"x": X, "y": Y, "steps": 5, "batch": 20, **change}
    with pytest.raises(ValueError, match=message):
        train(network, SGD(network.layers, 0.1), **given)
    after = [p for layer in network.layers for p in layer.params.values()]
    for a, b in zip(before, after, strict=True):
        np.testing.assert_array_equal(a, b)
    assert network.remember
    assert not network.layers[1].running_mean.any()


# The progress bar


def test_a_progress_bar_appears_only_after_a_second(monkeypatch, capsys):
    now = [0.0]
    monkeypatch.setattr(progress_bar, "monotonic", lambda: now[0])
    bar = progress_bar.ProgressBar(10, "training")
    for now[0], done in ((0.5, 1), (0.9, 2)):
        bar.show(done)
    assert capsys.readouterr().err == ""
    for now[0], done in ((1.1, 3), (1.2, 4), (1.5, 5)):
        bar.show(done)
    bar.close()
    assert capsys.readouterr().err == "\rtraining: step 3 of 10\rtraining: step 5 of 10\n"


def test_a_progress_bar_in_a_notebook_is_a_widget(monkeypatch):
    import IPython
    import IPython.display

    shown = []

    class Place:
        def __init__(self, bar):
            shown.append(bar)

        def update(self, data, raw):
            shown.append(data)

    monkeypatch.setattr(IPython, "get_ipython", lambda: type("Shell", (), {"kernel": object()}))
    monkeypatch.setattr(IPython.display, "display", lambda bar, display_id: Place(bar))
    monkeypatch.setattr(progress_bar, "PATIENCE", 0)
    bar = progress_bar.ProgressBar(10, "training")
    bar.show(4)
    assert shown[0].value == 4 and shown[0].max == 10
    bar.close()
    assert shown[1] == {}  # nothing stays that a notebook, opened again, would look for


def test_training_needs_no_widgets_and_no_figures():
    code = "import sys, helpers.training, helpers.data; print([m for m in sys.modules if m in sys.argv])"
    names = ["ipywidgets", "matplotlib", "IPython", "sklearn", "torch"]
    out = subprocess.run([sys.executable, "-c", code, *names], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


# A soak


@pytest.mark.parametrize("steps", [2000, pytest.param(10_000, marks=pytest.mark.release)])
def test_thousands_of_steps_leak_nothing(steps):
    """The last 900 are under tracemalloc, which makes a step four times as long.

    What other code takes meanwhile does not count: pytest has threads of its own.
    """
    ours = [tracemalloc.Filter(True, f"*/{part}/*") for part in ("helpers", "numpy")]
    network = Network([Linear(2, 4, np.random.default_rng(0)), BatchNorm(4), ReLU(), Linear(4, 2, rng())])
    optimizer = Adam(network.layers, 1e-3)

    def some(steps):
        history = fit(network, optimizer, steps=steps, progress=False, measure_every=1000)[1]
        assert np.isfinite(history.loss).all()
        gc.collect()

    def held():
        return sum(trace.size for trace in tracemalloc.take_snapshot().filter_traces(ours).traces)

    some(100)
    objects = len(gc.get_objects())
    some(steps - 1000)
    assert len(gc.get_objects()) - objects < 50
    tracemalloc.start()
    try:
        some(300)
        before = held()
        some(600)
        assert held() - before < 2400
    finally:
        tracemalloc.stop()
    assert optimizer.t == steps


def rng():
    return np.random.default_rng(1)
