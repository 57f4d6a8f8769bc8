"""One numbering of classes for a whole data set, from the names of its training folders."""

from collections.abc import Mapping, Sequence

from vaelab.data.folder_tree import Branch, printable
from vaelab.errors import UserError, did_you_mean


def number_classes(branches: Mapping[str, Branch], given: Sequence[str]) -> tuple[str, ...]:
    """The class names in the order of their numbers: those `given`, or the training folders in natural order.

    Raises:
        UserError: a folder belongs to no class, or only some splits have class folders.
    """
    train = branches["train"]
    for branch in branches.values():
        if bool(branch.classes) != bool(train.classes):
            labelled, other = (train, branch) if train.classes else (branch, train)
            raise UserError(
                f"{printable(labelled.folder)} has class folders, but {printable(other.folder)} has none;"
                " give both the same"
            )
    unknown = [name for name in train.classes if given and name not in given]
    if unknown:
        raise UserError(
            f"{printable(train.folder)} has a class folder {unknown[0]}, which is not in data.classes="
            f"[{','.join(given)}]; set data.classes=auto data.num_classes=auto, or move it away"
        )
    names = tuple(given or train.classes) if train.classes else ()
    for branch in branches.values():
        for name in branch.classes:
            if name not in names:
                raise UserError(
                    f"{printable(branch.folder)} has a class folder {name}, which {printable(train.folder)} lacks"
                    f"{did_you_mean(name, names) or '; move it away'}"
                )
    return names
