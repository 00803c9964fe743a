"""Write helpers/digits.npz from scikit-learn's copy of the UCI handwritten digits. It is needed once.

    pip install scikit-learn && python tools/make_digits.py

scikit-learn ships the *test* set of "Optical Recognition of Handwritten Digits" (Alpaydin & Kaynak 1998).
Provenance and licence: helpers/digits.txt.
"""

from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

TARGET = Path(__file__).parent.parent / "helpers" / "digits.npz"


def main():
    digits = load_digits()
    images = digits.data.astype(np.uint8)
    assert np.array_equal(images, digits.data) and images.shape == (1797, 64) and images.max() == 16
    np.savez_compressed(TARGET, images=images, labels=digits.target.astype(np.uint8))
    print(f"{TARGET.name}: {TARGET.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
