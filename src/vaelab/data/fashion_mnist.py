"""Fashion-MNIST (Xiao et al. 2017, arXiv:1708.07747): 28 x 28 grey images of clothes in 10 classes."""

from torchvision import datasets

from vaelab.data.examples import Examples
from vaelab.data.expand_path import expand_path
from vaelab.data.fetch import debian_package, fetch, local_copy, mirror
from vaelab.data.idx import load_part

FOLDER = "usr/share/datasets/fashion-mnist"
CHECKSUMS = {
    "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}


class FashionMNIST:
    """60000 images for training and 10000 for test.

    Args:
        root: folder whose subfolder fashion_mnist/ keeps the files.
    """

    def __init__(self, root: str) -> None:
        self.folder = expand_path("data.source.root", root) / "fashion_mnist"

    def prepare(self) -> None:
        """Fetch missing files: from the operating system, torchvision's mirrors or Debian."""
        mirrors = [mirror(address) for address in datasets.FashionMNIST.mirrors]
        package = debian_package("dataset-fashion-mnist", FOLDER)
        fetch(self.folder, CHECKSUMS, [local_copy(f"/{FOLDER}"), *mirrors, package])

    def load(self, part: str) -> Examples:
        """The examples of `train` or `test`."""
        self.prepare()
        return load_part(self.folder, part, CHECKSUMS)
