"""Losses: each returns the mean loss of a batch and its gradient by the network's output.

With an axis of runs in front there is one loss a run, and each run's gradient is that of its own loss.
"""

import numpy as np

from helpers.fast import row_sum


def softmax_cross_entropy(logits, labels):
    """−log p[label] with p = softmax(logits), averaged over the batch: a pair (loss, ∂L/∂logits).

    `logits` is (batch, classes) or (runs, batch, classes), `labels` are whole numbers from 0 to classes − 1
    of shape (batch,) or (runs, batch). ∂L/∂z = (p − one-hot)/batch. Raises ValueError for a label out of
    range or a shape that does not fit.
    """
    labels, classes = np.asarray(labels), np.shape(logits)[-1]
    _check(labels, (np.shape(logits)[:-1], np.shape(logits)[-2:-1]), logits, "labels")
    one_hot = labels[..., None] == np.arange(classes)
    if np.count_nonzero(one_hot) != labels.size:
        wrong = labels[~one_hot.any(axis=-1)][0]
        raise ValueError(f"labels hold {wrong}: whole numbers from 0 to {classes - 1} are needed")
    shifted = logits - logits.max(axis=-1, keepdims=True)  # the same softmax, and exp cannot overflow
    exp = np.exp(shifted)
    total = row_sum(exp)
    loss = np.log(total) - row_sum(shifted * one_hot)
    p = exp / total[..., None]
    return loss.mean(axis=-1), (p - one_hot) / np.asarray(logits.shape[-2], logits.dtype)


def squared_error(outputs, targets):
    """(output − target)², averaged over batch and outputs: a pair (loss, ∂L/∂outputs).

    Both are (batch, n); with runs, `outputs` are (runs, batch, n) and `targets` may be either. Raises
    ValueError for another shape.
    """
    targets = np.asarray(targets)
    _check(targets, (np.shape(outputs), np.shape(outputs)[-2:]), outputs, "targets")
    error = outputs - targets
    size = error.shape[-1] * error.shape[-2]
    return (error * error).mean(axis=(-2, -1)), error * np.asarray(2 / size, error.dtype)


def _check(wanted, shapes, given, name):
    if np.ndim(given) < 2 or wanted.shape not in shapes:
        raise ValueError(
            f"{name} of shape {wanted.shape} do not fit outputs of shape {np.shape(given)}: "
            f"{' or '.join(map(str, dict.fromkeys(shapes)))} is needed"
        )
