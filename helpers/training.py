"""Training: one loop for all lessons, and the History that it returns."""

from dataclasses import dataclass

import numpy as np

from helpers import arguments
from helpers.layers import every_layer
from helpers.losses import softmax_cross_entropy
from helpers.optimizers import clip_by_global_norm
from helpers.progress_bar import ProgressBar

DONE, DIVERGED, STOPPED = "done", "diverged", "stopped"


@dataclass
class History:
    """What happened in training. Where runs are stacked, every array has a last axis of runs.

    `loss` and `accuracy` (None without labels) are those of each step's batch, before the step.
    `gradient_norms` (‖∂L/∂W‖) and `update_ratios` (‖ΔW‖/‖W‖) have a row for each step in `measured` and a
    column for each weight matrix in forward order. `status` is "done", "diverged" (the loss was not finite
    any more) or "stopped" (Ctrl-C), for each run if runs are stacked.
    """

    loss: np.ndarray
    accuracy: np.ndarray | None
    measured: np.ndarray
    gradient_norms: np.ndarray
    update_ratios: np.ndarray
    status: str | np.ndarray


def train(network, optimizer, x, y, steps, batch=None, seed=0, progress=True, **how):
    """Train `network` for `steps` steps on batches of x (examples, n) and y (examples, …): a History.

    Every epoch goes through a new order of the examples, drawn from `seed`, and leaves out what does not
    fill a `batch` (None: all examples at every step). A list of seeds, one a run, gives stacked runs
    batches of their own. `how` is the loss, the schedule and all else that `Training` takes.

    Training ends early when the loss of every run has stopped being finite, and at Ctrl-C; the History
    then holds the steps until there. Raises ValueError, before anything has changed, for data that are not
    finite, labels out of range, and shapes that do not fit.
    """
    training = Training(network, optimizer, x, y, steps, batch, seed, **how)
    bar = ProgressBar(steps, "training") if progress else None
    try:
        while not training.ended:
            training.advance()
            if bar:
                bar.show(training.done)
    except KeyboardInterrupt:
        training.stop()
    finally:
        if bar:
            bar.close()
    return training.history()


class Training:
    """What `train` does, a few steps at a time: for a program that has other things to do, too.

    `loss(outputs, y)` returns a loss and its gradient. `schedule(done)` multiplies the learning rate at the
    share `done` of the steps. `max_norm` clips by the global norm. Norms and ratios are measured at every
    `measure_every`-th step. All else is as in `train`.

    `advance(steps)` until it has `ended`; `done` counts the steps that were finished, `history()` is the
    History so far.
    """

    def __init__(
        self,
        network,
        optimizer,
        x,
        y,
        steps,
        batch,
        seed,
        loss=softmax_cross_entropy,
        schedule=None,
        max_norm=None,
        measure_every=10,
    ):
        self.x, self.y = np.asarray(x), np.asarray(y)
        self.steps = arguments.whole("steps", steps, low=0)
        self.every = arguments.whole("measure_every", measure_every)
        if max_norm is not None:
            arguments.number("max_norm", max_norm, above=0)
        self.network, self.optimizer, self.loss = network, optimizer, loss
        self.schedule, self.max_norm = schedule, max_norm
        runs = network.runs
        self.batches = _batches(len(self.x), batch, seed, runs)
        self.log = _Log(network, steps, runs, _check_data(network, self.x, self.y))
        self.status = DONE

    @property
    def done(self):
        return self.log.done

    @property
    def ended(self):
        return self.done == self.steps or self.status == STOPPED or not self.log.any_finite()

    def advance(self, steps=1):
        """Train for so many steps more, or until the end."""
        remembered, self.network.remember = self.network.remember, False  # see Network
        try:
            with np.errstate(all="ignore"):  # a run that diverges is a result, not a list of warnings
                for _ in range(steps):
                    if self.ended:
                        break
                    self._step()
        finally:
            self.network.remember = remembered

    def _step(self):
        rows = next(self.batches)
        labels = self.y[rows]
        outputs = self.network.forward(self.x[rows])
        value, grad = self.loss(outputs, labels)
        self.log.batch(value, outputs, labels)
        if not self.log.any_finite():
            return
        self.network.backward(grad)
        if self.max_norm is not None:
            all_grads = [layer.grads for layer in every_layer(self.network.layers)]
            clip_by_global_norm(all_grads, self.max_norm, self.log.runs is not None)
        measuring = self.done % self.every == 0
        if measuring:
            self.log.before_step()
        self.optimizer.step(self.schedule(self.done / self.steps) if self.schedule else 1.0)
        if measuring:
            self.log.after_step(self.done)
        self.log.done += 1

    def stop(self):
        """End it here. A step that was interrupted does not count."""
        self.status = STOPPED

    def history(self):
        return self.log.history(self.status)


def evaluate(network, x, y, loss=softmax_cross_entropy):
    """Loss and accuracy of all of x in eval mode: a pair, each one number, or one a run.

    The accuracy is None where y holds no labels.
    """
    x, y = np.asarray(x), np.asarray(y)
    remembered, network.remember = network.remember, False
    try:
        with np.errstate(all="ignore"):
            outputs = network.forward(x, train=False)
            value, _ = loss(outputs, y)
    finally:
        network.remember = remembered
    return value, _accuracy(outputs, y) if _are_labels(y) else None


class _Log:
    """Collects what a History holds; `done` counts the steps that were finished."""

    def __init__(self, network, steps, runs, has_labels):
        lead = () if runs is None else (runs,)
        self.layers = [layer for layer in every_layer(network.layers) if "weight" in layer.params]
        self.runs, self.done, self.seen = runs, 0, 0
        self.loss = np.full((steps, *lead), np.nan)
        self.accuracy = np.full((steps, *lead), np.nan) if has_labels else None
        self.norms, self.ratios, self.measured = [], [], []
        self.finite = np.ones(lead, bool)

    def batch(self, value, outputs, labels):
        self.loss[self.seen] = value
        self.finite &= np.isfinite(value)
        if self.accuracy is not None:
            self.accuracy[self.seen] = _accuracy(outputs, labels)
        self.seen += 1

    def any_finite(self):
        return self.finite.any()

    def before_step(self):
        self.weights = [layer.params["weight"].copy() for layer in self.layers]

    def after_step(self, step):
        norms = [self._norm(layer.grads["weight"]) if layer.grads else np.nan for layer in self.layers]
        ratios = [
            self._norm(layer.params["weight"] - before) / self._norm(before)
            for layer, before in zip(self.layers, self.weights, strict=True)
        ]
        self.measured.append(step)
        self.norms.append(norms)
        self.ratios.append(ratios)

    def _norm(self, a):
        rows = a.reshape(self.runs or 1, -1).astype(np.float64)
        norms = np.sqrt(np.einsum("ki,ki->k", rows, rows))
        return norms[0] if self.runs is None else norms

    def history(self, status):
        seen = self.done if status == STOPPED else self.seen
        measured = [i for i, step in enumerate(self.measured) if step < seen]
        shape = (len(measured), len(self.layers), *self.finite.shape)
        runs_status = np.where(self.finite, status, DIVERGED)
        return History(
            loss=self.loss[:seen],
            accuracy=None if self.accuracy is None else self.accuracy[:seen],
            measured=np.array(self.measured, int)[measured],
            gradient_norms=np.array([self.norms[i] for i in measured]).reshape(shape),
            update_ratios=np.array([self.ratios[i] for i in measured]).reshape(shape),
            status=str(runs_status) if self.runs is None else runs_status,
        )


def _batches(examples, batch, seed, runs):
    """Row numbers of one batch after another, without end: (batch,), or (runs, batch) for a list of seeds."""
    if batch is None:
        batch = examples
    batch = arguments.whole("batch", batch, high=examples)
    several = isinstance(seed, (list, tuple))
    if several and len(seed) != runs:
        raise ValueError(f"seed={seed!r} is a list of {len(seed)}, but the network has {runs or 'no'} runs")
    seeds = [arguments.whole("seed", one, low=0) for one in (seed if several else [seed])]
    return _shuffled(examples, batch, [np.random.default_rng(one) for one in seeds], several)


def _shuffled(examples, batch, rngs, several):
    while True:
        orders = np.stack([rng.permutation(examples) for rng in rngs])
        for start in range(0, examples - batch + 1, batch):
            rows = orders[:, start : start + batch]
            yield rows if several else rows[0]


def _check_data(network, x, y):
    """Raise ValueError unless x and y fit each other and the network; return whether y holds labels."""
    if x.ndim < 2 or y.ndim < 1 or len(x) != len(y):
        raise ValueError(f"x of shape {x.shape} and y of shape {y.shape} must have a row for each example")
    for name, a in (("x", x), ("y", y)):
        if a.dtype.kind not in "fiu" or not np.isfinite(a).all():
            raise ValueError(
                f"{name} holds values that are not finite numbers: NaN and infinity are not allowed"
            )
    with np.errstate(all="ignore"):  # it may have diverged before
        outputs = network.forward(x[:1], train=False)
    if _are_labels(y) and not (y.min() >= 0 and y.max() < outputs.shape[-1]):
        allowed = f"from 0 to {outputs.shape[-1] - 1}"
        raise ValueError(f"labels y range from {y.min()} to {y.max()}: whole numbers {allowed} are needed")
    return _are_labels(y)


def _are_labels(y):
    return y.ndim == 1 and y.dtype.kind in "iu"


def _accuracy(outputs, labels):
    return (outputs.argmax(axis=-1) == labels).mean(axis=-1)
